import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom } from '../../clock/index.ts';
import { silentLogger as log } from '../../log/index.ts';
import { aesCipher, openDiskStore, restoreDiskStore, StoreOpenError, type Store, type ValueCipher } from '../index.ts';

const isSealed = (key: string): boolean => key.startsWith('secret/');
const secret = randomBytes(32);
const cipher = aesCipher(secret, isSealed, systemRandom);

let directory: string;
let store: Store | undefined;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'rondo-sealed-'))));
afterEach(async () => {
  await store?.close();
  store = undefined;
  rmSync(directory, { recursive: true });
});

async function open(more: { readonly cipher?: ValueCipher; readonly cacheBytes?: number }): Promise<Store> {
  await store?.close();
  const retention = { minEvents: 0, minAgeMs: 0 };
  // Values are read from the disk, not from memory.
  store = await openDiskStore({ directory, clock, log, segmentBytes: 16_384, cacheBytes: 1, retention, ...more });
  return store;
}

async function put(into: Store, key: string, text: string, type: 'put' | 'delete' = 'put'): Promise<void> {
  await into.write({ type, key, encode: () => ({ value: () => Buffer.from(text) }) });
}

const onDisk = (): string =>
  readdirSync(directory)
    .map((name) => readFileSync(join(directory, name), 'latin1'))
    .join('');

describe('a store with a cipher', () => {
  it('has sealed values nowhere on disk, and reads them back, also what others wrote before', async () => {
    await put(await open({}), 'secret/early', 'early-plain-text');
    const sealing = await open({ cipher });
    await put(sealing, 'secret/a', 'hunter2-hunter2');
    await put(sealing, 'open/a', 'everybody-knows');
    await put(sealing, 'secret/b', 'gone-but-secret');
    await put(sealing, 'secret/b', 'last-words-of-it', 'delete');
    const read = await open({ cipher });
    expect(read.get('secret/a')?.value.toString()).toBe('hunter2-hunter2');
    expect(read.get('secret/early')?.value.toString()).toBe('early-plain-text');
    expect(read.get('open/a')?.value.toString()).toBe('everybody-knows');
    expect(onDisk()).toContain('everybody-knows');
    expect(onDisk()).not.toMatch(/hunter2|gone-but|last-words/);
  });

  it('keeps them sealed when records move to other segments', async () => {
    const full = await open({ cipher });
    for (let round = 0; round < 400; round++) {
      await put(full, 'secret/changes', `hidden-value-${round}`);
      await put(full, `open/${round % 7}`, 'x'.repeat(200));
    }
    await full.compact(full.revision);
    const read = await open({ cipher });
    expect(read.get('secret/changes')?.value.toString()).toBe('hidden-value-399');
    expect(onDisk()).not.toContain('hidden-value');
  });

  it('is restored sealed', async () => {
    async function* entries() {
      await Promise.resolve();
      yield { key: 'secret/a', createRevision: 1, modRevision: 1, value: Buffer.from('from-a-backup') };
    }
    await restoreDiskStore({ directory, revision: 5, entries: entries(), nowMs: 0, cipher });
    expect(onDisk()).not.toContain('from-a-backup');
    expect((await open({ cipher })).get('secret/a')?.value.toString()).toBe('from-a-backup');
  });

  it.each([
    ['another secret', aesCipher(randomBytes(32), isSealed, systemRandom)],
    ['none', undefined],
  ])('says so when there is %s', async (_what, other) => {
    await put(await open({ cipher }), 'secret/a', 'hunter2');
    const closed = await open(other === undefined ? {} : { cipher: other });
    expect(() => closed.get('secret/a')?.value).toThrow(StoreOpenError);
    expect(() => closed.get('secret/a')?.value).toThrow(
      'secret/a cannot be unsealed: the secret of this store is another',
    );
  });
});

describe('aesCipher', () => {
  it('never seals alike, and notices what was changed or put in another place', () => {
    const value = Buffer.from('the same');
    const [one, two] = [cipher.seal('secret/a', value), cipher.seal('secret/a', value)];
    expect(one.equals(two)).toBe(false);
    expect(one.length - value.length).toBe(cipher.addedBytes('secret/a'));
    expect(cipher.unseal('secret/a', one).equals(value)).toBe(true);
    expect(() => cipher.unseal('secret/b', one)).toThrow();
    for (let at = 0; at < one.length; at++) {
      const changed = Buffer.from(one);
      changed[at]! ^= 1;
      expect(() => cipher.unseal('secret/a', changed), `byte ${at}`).toThrow();
    }
    expect(() => cipher.unseal('secret/a', one.subarray(0, 20))).toThrow();
    expect(() => aesCipher(Buffer.alloc(16), isSealed, systemRandom)).toThrow(RangeError);
  });
});
