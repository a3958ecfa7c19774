import { expect, it } from 'vitest';
import type { KubeObject } from '../../api/index.ts';
import type { Entry } from '../../store/index.ts';
import { Versions } from './stored-version.ts';

function namedObject(name: string): KubeObject {
  const metadata = {
    name,
    namespace: 'default',
    uid: 'u',
    resourceVersion: '',
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata };
}

it('finds the object of a version whose bytes have left memory, while somebody holds it', () => {
  const counters = { objectsEncoded: 0, objectsDecoded: 0, objectsScanned: 0 };
  const versions = new Versions(counters);
  const object = namedObject('a');
  const version = versions.versionOf(object, 7);
  const bytes = version.bytes.toString();
  const withoutValue: Entry = {
    key: 'a',
    createRevision: 7,
    modRevision: 7,
    memo: version.trace(),
    get value(): Buffer {
      throw new Error('nobody needs to read it');
    },
  };
  expect(versions.of(withoutValue).object).toBe(object);
  expect(versions.peek(withoutValue).bytes.toString()).toBe(bytes);
  expect(counters.objectsDecoded).toBe(0);
});
