import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as containers from './containers.ts';
import { child, choice, flag, integer, integers, list, map, message, optionalInteger, text } from './message.ts';
import { methods } from './methods.ts';

const everything = message({
  name: text(1),
  count: integer(2),
  on: flag(3),
  state: choice(4, ['created', 'running', 'unknown']),
  labels: map(5),
  numbers: integers(6),
  texts: list(text(7)),
  inner: child(8, message({ value: text(1) })),
  limit: optionalInteger(9),
  late: text(300),
});

describe('protobuf messages of the CRI', () => {
  it('come back as they were sent', () => {
    const anything = fc.record({
      name: fc.string({ unit: 'grapheme' }),
      count: fc.maxSafeInteger(),
      on: fc.boolean(),
      state: fc.constantFrom('created', 'running', 'unknown'),
      labels: fc.dictionary(fc.string(), fc.string()),
      numbers: fc.array(fc.maxSafeInteger()),
      texts: fc.array(fc.string()),
      inner: fc.option(fc.record({ value: fc.string() }), { nil: undefined }),
      limit: fc.option(fc.maxSafeInteger(), { nil: undefined }),
      late: fc.string(),
    });
    fc.assert(
      fc.property(anything, (value) => {
        expect(everything.decode(everything.encode(value))).toEqual(value);
      }),
    );
  });

  it('have all fields, also those that nobody sent', () => {
    expect(everything.decode(new Uint8Array())).toEqual({
      ...{ name: '', count: 0, on: false, state: 'created', labels: {}, numbers: [], texts: [], late: '' },
      ...{ inner: undefined, limit: undefined },
    });
  });

  it('leave out fields that the table lacks, and names of states that came later', () => {
    const newer = message({ name: text(1), added: text(77), state: choice(4, ['a', 'b', 'c', 'd', 'e']) });
    const sent = newer.encode({ name: 'x', added: 'new', state: 'e' });
    expect(everything.decode(sent)).toMatchObject({ name: 'x', state: 'unknown' });
  });

  it('take numbers one by one as well as packed', () => {
    const single = Buffer.from([0x30, 0x05, 0x30, 0x96, 0x01]);
    expect(everything.decode(single).numbers).toEqual([5, 150]);
    expect(everything.decode(everything.encode({ numbers: [5, 150] })).numbers).toEqual([5, 150]);
  });

  it('tell a zero from nothing where that matters', () => {
    expect(everything.decode(everything.encode({ limit: 0 })).limit).toBe(0);
  });

  it('are refused when they are cut off', () => {
    const whole = everything.encode({ name: 'a text of some length' });
    expect(() => everything.decode(whole.subarray(0, 5))).toThrow('index out of range');
  });

  it('number the signals as the protocol does, which is not as the kernel does', () => {
    const config = containers.containerConfig.encode({ stopSignal: 'SIGUSR1' });
    // Field 18, a varint, 29.
    expect([...config]).toEqual([0x90, 0x01, 29]);
  });

  it('go to the methods of runtime.v1', () => {
    expect(methods.runPodSandbox.path).toBe('/runtime.v1.RuntimeService/RunPodSandbox');
    expect(methods.pullImage.path).toBe('/runtime.v1.ImageService/PullImage');
  });
});
