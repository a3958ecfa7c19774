import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError, decodeObject, messages } from './index.ts';

const container = (fields: object): object => ({
  spec: { template: { spec: { containers: [{ name: 'c', ...fields }] } } },
});

describe('values of the wrong type are refused as Go refuses them', () => {
  it.each<[string, object, string]>([
    ['Job', { spec: 'x' }, 'string into Go struct field Job.spec of type v1.JobSpec'],
    ['Job', { spec: [] }, 'array into Go struct field Job.spec of type v1.JobSpec'],
    ['Job', { spec: { completions: '3' } }, 'string into Go struct field JobSpec.spec.completions of type int32'],
    ['Job', { spec: { completions: 1.5 } }, 'number 1.5 into Go struct field JobSpec.spec.completions of type int32'],
    [
      'Job',
      { spec: { completions: 2 ** 31 } },
      'number 2147483648 into Go struct field JobSpec.spec.completions of type int32',
    ],
    ['Job', { spec: { suspend: 'yes' } }, 'string into Go struct field JobSpec.spec.suspend of type bool'],
    [
      'Job',
      { metadata: { labels: { a: 1 } } },
      'number into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    [
      'Job',
      { metadata: { labels: ['a'] } },
      'array into Go struct field ObjectMeta.metadata.labels of type map[string]string',
    ],
    ['Job', { metadata: { name: true } }, 'bool into Go struct field ObjectMeta.metadata.name of type string'],
    [
      'Job',
      { metadata: { creationTimestamp: 5 } },
      'number into Go struct field ObjectMeta.metadata.creationTimestamp of type string',
    ],
    [
      'Job',
      container({ command: [1] }),
      'number into Go struct field Container.spec.template.spec.containers.command of type string',
    ],
    [
      'Job',
      container({ env: [{ name: 'A', value: 1 }] }),
      'number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string',
    ],
    [
      'Job',
      { spec: { template: { spec: { containers: {} } } } },
      'object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container',
    ],
    [
      'Job',
      container({ resources: { limits: 'many' } }),
      'string into Go struct field ResourceRequirements.spec.template.spec.containers.resources.limits of type v1.ResourceList',
    ],
    [
      'Job',
      container({ livenessProbe: { httpGet: { port: true } } }),
      'bool into Go struct field HTTPGetAction.spec.template.spec.containers.livenessProbe.httpGet.port of type int32',
    ],
    ['Secret', { data: { k: 1 } }, 'number into Go struct field Secret.data of type []uint8'],
    ['Secret', { data: { k: {} } }, 'object into Go struct field Secret.data of type []uint8'],
  ])('%s %j', (kind, value, message) => {
    expect(() => decodeObject(value, kind)).toThrow(
      expect.objectContaining({ message: `json: cannot unmarshal ${message}`, code: 400 }) as Error,
    );
  });

  it.each<[unknown, string]>([
    [null, 'null'],
    [[], 'array'],
    ['x', 'string'],
    [true, 'bool'],
  ])('a Job that is %j', (value, type) => {
    expect(() => decodeObject(value, 'Job')).toThrow(`json: cannot unmarshal ${type} into Go value of type v1.Job`);
  });

  it.each<[string, object, string]>([
    ['Job', container({ resources: { limits: { cpu: '1K' } } }), "unable to parse quantity's suffix"],
    ['Job', container({ resources: { limits: { cpu: 'much' } } }), 'quantities must match the regular expression'],
    ['Job', container({ resources: { limits: { cpu: true } } }), 'quantities must match the regular expression'],
    ['Job', { status: { startTime: 'now' } }, 'parsing time "now" as "2006-01-02T15:04:05Z07:00"'],
    ['Secret', { data: { k: 'a' } }, 'illegal base64 data at input byte 0 in field data.k'],
    ['Secret', { data: { k: 'YWJj*A==' } }, 'illegal base64 data at input byte 4'],
    ['Secret', { data: { k: 'YWJjZA=' } }, 'illegal base64 data at input byte 6'],
    ['Secret', { data: { k: '====' } }, 'illegal base64 data at input byte 0'],
    ['Secret', { data: { k: 'a-_=' } }, 'illegal base64 data at input byte 1'],
  ])('%s %j: %s', (kind, value, message) => {
    expect(() => decodeObject(value, kind)).toThrow(message);
    expect(() => decodeObject(value, kind)).toThrow(ApiError);
  });
});

describe('values are stored in one form', () => {
  it.each<[string, object, object]>([
    ['Secret', { data: { k: 'YW\nJj\r\n' } }, { data: { k: 'YWJj' } }],
    ['Secret', { data: { k: 'YWJ=' } }, { data: { k: 'YWI=' } }],
    ['Secret', { data: { k: '', l: null } }, { data: { k: '', l: '' } }],
    [
      'Job',
      { status: { startTime: '2024-01-01T02:00:00.7+02:00' } },
      { status: { startTime: '2024-01-01T00:00:00Z' } },
    ],
    [
      'Lease',
      { spec: { renewTime: '2024-01-01T00:00:00.5Z' } },
      { spec: { renewTime: '2024-01-01T00:00:00.500000Z' } },
    ],
    ['Job', container({ resources: { limits: { cpu: 0.5 } } }), container({ resources: { limits: { cpu: '0.5' } } })],
    [
      'Job',
      { spec: { completions: null }, metadata: { labels: { a: null } } },
      { spec: {}, metadata: { labels: { a: '' } } },
    ],
    [
      'Job',
      { spec: { template: { spec: { containers: [null] } } } },
      { spec: { template: { spec: { containers: [{}] } } } },
    ],
  ])('%s %j', (kind, value, expected) => {
    const before = JSON.stringify(value);
    expect(decodeObject(value, kind)).toEqual({ object: expected, unknownFields: [] });
    expect(JSON.stringify(value)).toBe(before);
  });

  it('and are the given ones where nothing has to change', () => {
    const value = { metadata: { name: 'x', labels: { constructor: 'a' } }, ...container({ image: 'i' }) };
    expect(decodeObject(value, 'Job').object).toBe(value);
  });

  it('a Secret of a megabyte is taken as it is', () => {
    const data = { k: Buffer.alloc(1 << 20, 9).toString('base64') };
    expect(decodeObject({ data }, 'Secret').object['data']).toBe(data);
    expect(() => decodeObject({ data: { k: `${data.k.slice(0, -4)}*===` } }, 'Secret')).toThrow('illegal base64');
  });
});

describe('unknown fields', () => {
  it('are left out and named with their paths', () => {
    const value = {
      foo: 1,
      metadata: { name: 'x', Labels: {} },
      spec: { template: { spec: { containers: [{ name: 'a' }, { name: 'b', comand: ['x'] }] } } },
    };
    expect(decodeObject(value, 'Job')).toEqual({
      object: { metadata: { name: 'x' }, spec: { template: { spec: { containers: [{ name: 'a' }, { name: 'b' }] } } } },
      unknownFields: ['foo', 'metadata.Labels', 'spec.template.spec.containers[1].comand'],
    });
  });

  it('may be named like members of every object', () => {
    const value = JSON.parse('{"__proto__":{"a":1},"constructor":1,"spec":{"toString":2}}') as object;
    expect(decodeObject(value, 'Job')).toEqual({
      object: { spec: {} },
      unknownFields: ['__proto__', 'constructor', 'spec.toString'],
    });
  });

  it('are named a hundred times at most, and may be nested deep', () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`x${index}`, 1]));
    expect(decodeObject(many, 'Job').unknownFields).toHaveLength(100);
    const deep = JSON.parse(`{"x":${'['.repeat(10_000)}${']'.repeat(10_000)}}`) as object;
    expect(decodeObject(deep, 'Job')).toEqual({ object: {}, unknownFields: ['x'] });
  });
});

it('embedded JSON may be nested to a limit', () => {
  const managed = (depth: number): object => ({
    metadata: {
      managedFields: [{ fieldsV1: JSON.parse('{"f:a":'.repeat(depth) + '1' + '}'.repeat(depth)) as object }],
    },
  });
  expect(decodeObject(managed(500), 'Job').unknownFields).toEqual([]);
  expect(() => decodeObject(managed(10_000), 'Job')).toThrow(
    new ApiError({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'exceeded max depth',
      reason: 'BadRequest',
      code: 400,
    }),
  );
});

it('a message that the table does not have is a fault of the program', () => {
  expect(() => decodeObject({}, 'Pony')).toThrow('the field table has no message Pony');
  expect(() => decodeObject({}, 'constructor')).toThrow('the field table has no message constructor');
});

const patched = new URL('../../tests/fixtures/patches/recorded.json', import.meta.url);
const objects = (JSON.parse(readFileSync(patched, 'utf8')) as { object: Record<string, unknown> & { kind: string } }[])
  .map(({ object }) => object)
  .filter(({ kind }) => Object.hasOwn(messages, kind));

/** One place of a value, chosen by numbers, put in the other's stead. */
function withChange(value: unknown, steps: readonly number[], change: unknown): unknown {
  const [step, ...rest] = steps;
  if (step === undefined || typeof value !== 'object' || value === null) return change;
  const keys = Object.keys(value);
  if (keys.length === 0) return change;
  const key = keys[step % keys.length]!;
  const inner = withChange((value as Record<string, unknown>)[key], rest, change);
  return Array.isArray(value) ? value.with(Number(key), inner) : { ...value, [key]: inner };
}

describe('decoding by chance', () => {
  const decodedOrRefused = (value: unknown, kind: string): void => {
    try {
      const { object } = decodeObject(value, kind);
      expect(decodeObject(object, kind)).toEqual({ object, unknownFields: [] });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      expect(error.code).toBe(400);
    }
  };

  it('any JSON is decoded, and then stays as it is, or refused with 400', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.constantFrom('Job', 'Pod', 'Secret', 'Node', 'Lease'), decodedOrRefused));
  });

  it('so is any object with a change anywhere', () => {
    const change = fc.oneof(fc.jsonValue(), fc.constantFrom(null, '', 0, -1, 1e300, [], {}, [null], '5Gi'));
    fc.assert(
      fc.property(fc.constantFrom(...objects), fc.array(fc.nat(), { maxLength: 9 }), change, (object, steps, value) =>
        decodedOrRefused(withChange(object, steps, value), object.kind),
      ),
      { numRuns: 500 },
    );
  });
});
