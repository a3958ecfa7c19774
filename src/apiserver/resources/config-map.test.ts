import { describe, expect, it } from 'vitest';
import type { ConfigMap, Secret } from '../../api/index.ts';
import { configMap } from './config-map.ts';
import { created, createErrors, rowOf, updateErrors, withValues } from './rule-cases.fixture.ts';
import type { RuleCase, UpdateCase } from './rule-cases.fixture.ts';
import { secret } from './secret.ts';

const metadata = {
  name: 'c',
  namespace: 'default',
  uid: 'u-1',
  resourceVersion: '',
  creationTimestamp: '2026-01-01T00:00:00Z',
};
const map: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
const hidden: Secret = { apiVersion: 'v1', kind: 'Secret', metadata };
const nowMs = Date.parse('2026-01-01T00:10:00Z');
const keyText =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const large = 'x'.repeat(1024 * 1024 + 1);
const fixed = 'Forbidden: field is immutable when `immutable` is set';

const mapCases: readonly RuleCase[] = [
  { rule: 'an empty one is valid', set: {}, errors: [] },
  {
    rule: 'keys are file names',
    set: { data: { 'a b': '1', '..': '2' }, binaryData: { '..x': 'AA==' } },
    errors: [
      `data[a b]: Invalid value: "a b": ${keyText}`,
      `data[..]: Invalid value: "..": must not be '..'`,
      `binaryData[..x]: Invalid value: "..x": must not start with '..'`,
    ],
  },
  {
    rule: 'a key is in one of both',
    set: { data: { a: '1' }, binaryData: { a: 'AA==' } },
    errors: ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
  },
  {
    rule: 'all values have at most 1 MiB together',
    set: { data: { a: large } },
    errors: ['[]: Too long: may not be more than 1048576 bytes'],
  },
  { rule: '1 MiB is allowed', set: { data: { a: large.slice(1) } }, errors: [] },
];

describe('ConfigMaps', () => {
  it.each(mapCases)('$rule', ({ set, errors }) => {
    expect(createErrors(configMap, withValues(map, set))).toEqual(errors);
  });

  const updates: readonly UpdateCase[] = [
    { rule: 'data may change', set: { data: { a: '2' } }, errors: [] },
    {
      rule: 'immutable ones stay as they are',
      old: { immutable: true, data: { a: '1' } },
      set: { immutable: false, data: { a: '2' }, binaryData: { b: 'AA==' } },
      errors: [`immutable: ${fixed}`, `data: ${fixed}`, `binaryData: ${fixed}`],
    },
    { rule: 'but labels may change', old: { immutable: true }, set: { 'metadata.labels': { a: 'b' } }, errors: [] },
  ];
  it.each(updates)('$rule', ({ old = {}, set, errors }) => {
    const before = withValues(map, old);
    expect(updateErrors(configMap, withValues(before, set), before)).toEqual(errors);
  });

  it('have a row with the number of entries', () => {
    const object = withValues(map, { data: { a: '1' }, binaryData: { b: 'AA==' } });
    expect(rowOf(configMap, object, nowMs)).toEqual({ Name: 'c', Data: 2, Age: '10m' });
  });
});

const secretCases: readonly RuleCase[] = [
  { rule: 'an empty one is valid', set: {}, errors: [] },
  {
    rule: 'keys are file names',
    set: { data: { 'a b': '' } },
    errors: [`data[a b]: Invalid value: "a b": ${keyText}`],
  },
  {
    rule: 'all values have at most 1 MiB together',
    set: { stringData: { a: large } },
    errors: ['data: Too long: may not be more than 1048576 bytes'],
  },
  {
    rule: 'TLS has both parts',
    set: { type: 'kubernetes.io/tls' },
    errors: ['data[tls.crt]: Required value', 'data[tls.key]: Required value'],
  },
  {
    rule: 'passwords need a user or a password',
    set: { type: 'kubernetes.io/basic-auth' },
    errors: ['data[username]: Required value', 'data[password]: Required value'],
  },
  {
    rule: 'tokens name their account',
    set: { type: 'kubernetes.io/service-account-token' },
    errors: ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
  },
  {
    rule: 'registry credentials are JSON, and are not repeated in the message',
    set: { type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': 'hush' } },
    errors: ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid character in JSON text'],
  },
];

describe('Secrets', () => {
  it('fold texts into data', () => {
    const object = created(secret, withValues(hidden, { data: { a: 'MQ==', b: 'MQ==' }, stringData: { b: 'ä' } }));
    expect(object).toEqual({ ...hidden, type: 'Opaque', data: { a: 'MQ==', b: 'w6Q=' } });
  });

  it.each(secretCases)('$rule', ({ set, errors }) => {
    expect(createErrors(secret, withValues(hidden, set))).toEqual(errors);
  });

  const updates: readonly UpdateCase[] = [
    { rule: 'the type stays', set: { type: 'a.io/b' }, errors: ['type: Invalid value: "a.io/b": field is immutable'] },
    {
      rule: 'immutable ones stay as they are',
      old: { immutable: true, data: { a: 'MQ==' } },
      set: { immutable: undefined, stringData: { a: '2' } },
      errors: [`immutable: ${fixed}`, `data: ${fixed}`],
    },
  ];
  it.each(updates)('$rule', ({ old = {}, set, errors }) => {
    const before = withValues(created(secret, hidden), old);
    expect(updateErrors(secret, withValues(before, set), before)).toEqual(errors);
  });

  it('have a row with type and number of entries', () => {
    expect(rowOf(secret, created(secret, withValues(hidden, { data: { a: '' } })), nowMs)).toEqual({
      Name: 'c',
      Type: 'Opaque',
      Data: 1,
      Age: '10m',
    });
    expect(secret.fieldLabels?.type?.(created(secret, hidden))).toBe('Opaque');
  });
});
