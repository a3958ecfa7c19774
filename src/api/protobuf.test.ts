import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError, decodeObject, decodeProtobuf } from './index.ts';

interface Recorded {
  readonly name: string;
  /** Base64 of what kubectl sent. */
  readonly body: string;
  readonly expected: Record<string, unknown> & { readonly kind: string };
}

const file = new URL('../../tests/fixtures/protobuf/recorded.json', import.meta.url);
const recorded = JSON.parse(readFileSync(file, 'utf8')) as Recorded[];
const bodyOf = (entry: Recorded): Uint8Array => Buffer.from(entry.body, 'base64');

/** kubectl prints some nulls (`creationTimestamp`); in the API null is absence. */
function withoutNulls(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, part: unknown) => part ?? undefined));
}

describe('protobuf bodies of the real kubectl', () => {
  it.each(recorded)('$name', (entry) => {
    const decoded = decodeProtobuf(bodyOf(entry));
    const { metadata, ...expected } = entry.expected;
    // The dry run prints the namespace of the command line; the request has it in its path only.
    const { namespace: _namespace, ...rest } = (metadata ?? {}) as Record<string, unknown>;
    const { metadata: found, ...others } = decoded.object as Record<string, Record<string, unknown>>;
    const { namespace: _sent, ...foundRest } = found ?? {};
    expect(withoutNulls(foundRest)).toEqual(withoutNulls(rest));
    expect(withoutNulls(others)).toEqual(withoutNulls(expected));
  });

  it.each(recorded)('$name has the types of the field table', (entry) => {
    const { apiVersion: _version, kind, ...object } = decodeProtobuf(bodyOf(entry)).object;
    const { object: typed, unknownFields } = decodeObject(object, kind as string);
    expect(unknownFields).toEqual([]);
    expect(typed).toEqual(object);
  });
});

/** Wire format by hand: what kubectl would never send. */
const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
const bytesField = (number: number, payload: readonly number[]): number[] => [
  ...varint(number * 8 + 2),
  ...varint(payload.length),
  ...payload,
];
const text = (value: string): number[] => [...Buffer.from(value)];

function envelope(apiVersion: string, kind: string, raw: readonly number[]): Uint8Array {
  const type = [...bytesField(1, text(apiVersion)), ...bytesField(2, text(kind))];
  return Uint8Array.from([0x6b, 0x38, 0x73, 0, ...bytesField(1, type), ...bytesField(2, raw)]);
}

describe('protobuf bodies that nobody should send', () => {
  const refused: [string, Uint8Array, string | RegExp][] = [
    ['nothing', new Uint8Array(), 'does not appear to be a protobuf message'],
    ['JSON', Buffer.from('{"kind":"Job"}'), 'does not appear to be a protobuf message'],
    ['the prefix alone', Uint8Array.of(0x6b, 0x38, 0x73, 0), 'no kind "" is registered for version ""'],
    ['a kind that is not served', envelope('v1', 'Pony', []), 'no kind "Pony" is registered for version "v1"'],
    ['a kind in another group', envelope('apps/v1', 'Job', []), 'no kind "Job" is registered for version "apps/v1"'],
    ['a kind named like a member of every object', envelope('v1', 'constructor', []), 'no kind "constructor"'],
    ['a message that is no kind', envelope('v1', 'PodSpec', []), 'no kind "PodSpec"'],
    ['a length beyond the end', envelope('v1', 'ConfigMap', [0x0a, 0x7f, 1]), 'unexpected EOF'],
    ['a varint without end', envelope('v1', 'ConfigMap', [0x0a, 0xff, 0xff]), 'unexpected EOF'],
    [
      'a number of more than ten bytes',
      envelope('v1', 'ConfigMap', [0x50, ...Array<number>(11).fill(0xff)]),
      'overflow',
    ],
    ['field number 0', envelope('v1', 'ConfigMap', [0x02, 0]), 'illegal tag 2'],
    ['a number where a message belongs', envelope('v1', 'ConfigMap', [0x08, 1]), 'wrong wireType = 0'],
    ['a group without end', envelope('v1', 'ConfigMap', [0x7b]), 'unexpected EOF'],
    ['the end of no group', envelope('v1', 'ConfigMap', [0x7c]), 'illegal wireType 4'],
    ['a group where a message belongs', envelope('v1', 'ConfigMap', [0x0b, 0x0c]), 'wrong wireType = 3'],
    [
      'a string that is not UTF-8',
      envelope('v1', 'ConfigMap', bytesField(1, bytesField(1, [0xff, 0xfe]))),
      'invalid UTF-8',
    ],
  ];
  it.each(refused)('%s is refused with 400', (_, body, message) => {
    const attempt = (): unknown => decodeProtobuf(body);
    expect(attempt).toThrow(ApiError);
    expect(attempt).toThrow(message);
  });

  it.each(recorded)('$name, cut off anywhere, is refused or decoded, never worse', (entry) => {
    const body = bodyOf(entry);
    const step = Math.max(1, Math.floor(body.length / 200));
    for (let length = 0; length < body.length; length += step) expectDecodedOrRefused(body.subarray(0, length));
  });

  it('any changed byte is refused or decoded, never worse', () => {
    const entry = fc.constantFrom(...recorded);
    fc.assert(
      fc.property(entry, fc.nat(), fc.nat(255), (chosen, position, byte) => {
        const body = Uint8Array.from(bodyOf(chosen));
        body[position % body.length] = byte;
        expectDecodedOrRefused(body);
      }),
      { numRuns: 500 },
    );
  });
});

function expectDecodedOrRefused(body: Uint8Array): void {
  try {
    expect(decodeProtobuf(body).kind).not.toBe('');
  } catch (error) {
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).code).toBe(400);
  }
}

describe('protobuf details', () => {
  it('leaves out fields that the table does not have', () => {
    const raw = [...bytesField(900, text('future')), ...bytesField(1, bytesField(1, text('x')))];
    expect(decodeProtobuf(envelope('v1', 'ConfigMap', raw)).object).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'x' },
    });
  });

  it('takes map keys that other maps would stumble over', () => {
    const entry = (key: string): number[] => bytesField(2, [...bytesField(1, text(key)), ...bytesField(2, text('v'))]);
    const { object } = decodeProtobuf(
      envelope('v1', 'ConfigMap', [...entry('__proto__'), ...entry('constructor'), ...entry('a')]),
    );
    expect(Object.entries(object['data'] as object)).toEqual([
      ['__proto__', 'v'],
      ['constructor', 'v'],
      ['a', 'v'],
    ]);
  });

  it('decodes a large map in time that grows with its size', () => {
    const entry = (index: number): number[] => bytesField(2, bytesField(1, text(`key-${index}`)));
    const { object } = decodeProtobuf(
      envelope('v1', 'ConfigMap', Array.from({ length: 20_000 }, (_, index) => entry(index)).flat()),
    );
    expect(Object.keys(object['data'] as object)).toHaveLength(20_000);
  });

  it('reads packed lists of numbers', () => {
    // spec.podFailurePolicy.rules[0].onExitCodes.values, as one block
    const onExitCodes = bytesField(3, [...varint(1), ...varint(255)]);
    const rule = bytesField(2, onExitCodes);
    const spec = bytesField(2, bytesField(11, bytesField(1, rule)));
    expect(decodeProtobuf(envelope('batch/v1', 'Job', spec)).object['spec']).toEqual({
      podFailurePolicy: { rules: [{ onExitCodes: { values: [1, 255] } }] },
    });
  });

  it('steps over groups, however deep they stand in each other', () => {
    const group = [...Array<number>(10_000).fill(0x7b), 0x78, 1, ...Array<number>(10_000).fill(0x7c)];
    const raw = [...group, ...bytesField(1, bytesField(1, text('x')))];
    expect(decodeProtobuf(envelope('v1', 'ConfigMap', raw)).object['metadata']).toEqual({ name: 'x' });
  });
});

/** A Pod by hand: `kubectl` never sends one, and Pods have all the rules. */
function podSpec(fields: readonly number[]): Record<string, unknown> {
  return decodeProtobuf(envelope('v1', 'Pod', bytesField(2, fields))).object['spec'] as Record<string, unknown>;
}

const int = (number: number, value: number): number[] => [...varint(number * 8), ...varint(value)];
const string = (number: number, value: string): number[] => bytesField(number, text(value));
const container = (fields: readonly number[]): number[] => bytesField(2, [...string(1, 'c'), ...fields]);
const firstContainer = (fields: readonly number[]): unknown =>
  (podSpec(container(fields))['containers'] as unknown[])[0];
const entryField = (number: number, key: string, value: readonly number[]): number[] =>
  bytesField(number, [...string(1, key), ...bytesField(2, value)]);

describe('protobuf rules of single types', () => {
  it('puts inlined members into their parent', () => {
    const emptyDir = bytesField(1, [...string(1, 'v'), ...bytesField(2, bytesField(2, string(1, 'Memory')))]);
    const configMap = bytesField(1, [
      ...string(1, 'c'),
      ...bytesField(2, bytesField(19, [...bytesField(1, string(1, 'cfg')), ...int(3, 420)])),
    ]);
    expect(podSpec([...emptyDir, ...configMap])['volumes']).toEqual([
      { name: 'v', emptyDir: { medium: 'Memory' } },
      { name: 'c', configMap: { name: 'cfg', defaultMode: 420 } },
    ]);
  });

  it('reads probes with ports that are numbers and names', () => {
    const probe = (port: readonly number[]): number[] => [
      ...bytesField(1, bytesField(2, [...string(1, '/z'), ...bytesField(2, port)])),
      ...int(2, 0),
      ...int(4, 5),
    ];
    const fields = [
      ...bytesField(10, probe([...int(1, 0), ...int(2, 8080), ...string(3, '')])),
      ...bytesField(11, probe([...int(1, 1), ...int(2, 0), ...string(3, 'web')])),
    ];
    expect(firstContainer(fields)).toEqual({
      name: 'c',
      livenessProbe: { httpGet: { path: '/z', port: 8080 }, periodSeconds: 5 },
      readinessProbe: { httpGet: { path: '/z', port: 'web' }, periodSeconds: 5 },
    });
  });

  it('reads sources of environment variables', () => {
    const ref = [...bytesField(1, string(1, 'cfg')), ...string(2, 'key'), ...int(3, 0)];
    const fromConfigMap = bytesField(7, [...string(1, 'A'), ...bytesField(3, bytesField(3, ref))]);
    const fromAll = bytesField(19, [...string(1, 'P_'), ...bytesField(2, bytesField(1, string(1, 'all')))]);
    expect(firstContainer([...fromConfigMap, ...fromAll])).toEqual({
      name: 'c',
      env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cfg', key: 'key', optional: false } } }],
      envFrom: [{ prefix: 'P_', configMapRef: { name: 'all' } }],
    });
  });

  it('reads maps of quantities', () => {
    const limits = entryField(1, 'cpu', string(1, '500m'));
    expect(firstContainer(bytesField(8, limits))).toEqual({ name: 'c', resources: { limits: { cpu: '500m' } } });
    expect(() => firstContainer(bytesField(8, entryField(1, 'cpu', string(1, 'much'))))).toThrow('is no quantity');
  });

  it('keeps the zeros of pointers and drops those of plain fields', () => {
    const spec = bytesField(2, [...int(1, 0), ...int(10, 0)]);
    expect(decodeProtobuf(envelope('batch/v1', 'Job', spec)).object['spec']).toEqual({
      parallelism: 0,
      suspend: false,
    });
    expect(podSpec([...int(11, 0), ...int(4, 0), ...string(3, '')])).toEqual({ terminationGracePeriodSeconds: 0 });
  });

  it('reads negative numbers', () => {
    const minusOne = [...Array<number>(9).fill(0xff), 1];
    expect(podSpec([0x20, ...minusOne, 0x28, ...minusOne])).toEqual({
      terminationGracePeriodSeconds: -1,
      activeDeadlineSeconds: -1,
    });
  });

  it('reads times: seconds for Time, six digits for MicroTime, nothing for null', () => {
    const metadata = [...string(1, 'x'), ...bytesField(8, [...int(1, 1_700_000_000), ...int(2, 999_999_999)])];
    const lease = (renewTime: readonly number[]): unknown =>
      decodeProtobuf(
        envelope('coordination.k8s.io/v1', 'Lease', [
          ...bytesField(1, metadata),
          ...bytesField(2, bytesField(4, renewTime)),
        ]),
      ).object;
    expect(lease([...int(1, 1_700_000_000), ...int(2, 123_456_789)])).toMatchObject({
      metadata: { creationTimestamp: '2023-11-14T22:13:20Z' },
      spec: { renewTime: '2023-11-14T22:13:20.123456Z' },
    });
    expect(lease([])).toMatchObject({ spec: {} });
    expect(() => lease([0x08, ...Array<number>(8).fill(0xff), 0x7f])).toThrow('time out of range');
    expect(() => lease(int(2, 2_000_000_000))).toThrow('time out of range');
  });

  it('reads embedded JSON and refuses what is none', () => {
    const managed = (json: string): unknown =>
      decodeProtobuf(
        envelope(
          'v1',
          'ConfigMap',
          bytesField(1, bytesField(17, [...string(1, 'm'), ...bytesField(7, string(1, json))])),
        ),
      ).object['metadata'];
    expect(managed('{"f:data":{}}')).toEqual({ managedFields: [{ manager: 'm', fieldsV1: { 'f:data': {} } }] });
    expect(() => managed('{')).toThrow('embedded JSON is malformed');
    expect(() => managed('['.repeat(5000) + ']'.repeat(5000))).toThrow('exceeded max depth');
  });

  it('gives bytes as base64', () => {
    const { object } = decodeProtobuf(envelope('v1', 'Secret', entryField(2, 'k', [0, 255, 254])));
    expect(object['data']).toEqual({ k: 'AP/+' });
  });
});

describe('protobuf bodies by chance', () => {
  it('are refused with 400 or decoded', () => {
    const kind = fc.constantFrom(['batch/v1', 'Job'], ['v1', 'Pod'], ['v1', 'Secret'], ['v1', 'DeleteOptions']);
    fc.assert(
      fc.property(kind, fc.uint8Array({ maxLength: 200 }), ([apiVersion, name], raw) =>
        expectDecodedOrRefused(envelope(apiVersion!, name!, [...raw])),
      ),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (rest) =>
        expectDecodedOrRefused(Uint8Array.from([0x6b, 0x38, 0x73, 0, ...rest])),
      ),
    );
  });
});
