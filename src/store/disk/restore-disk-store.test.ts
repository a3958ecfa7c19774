import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../clock/index.ts';
import { silentLogger as log } from '../../log/index.ts';
import { CompactedError, openDiskStore, restoreDiskStore, type StateEntry, type Store } from '../index.ts';

const directories: string[] = [];
const stores: Store[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-restore-'));
  directories.push(directory);
  return directory;
}

async function opened(directory: string): Promise<Store> {
  const store = await openDiskStore({ directory, clock, log });
  stores.push(store);
  return store;
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* state(count: number): AsyncGenerator<StateEntry> {
  for (let at = 1; at <= count; at++) {
    const key = `k/${String(at).padStart(5, '0')}`;
    yield { key, createRevision: at, modRevision: 3 * at, value: Buffer.from(`value ${at}`) };
  }
}

const restore = (directory: string, revision: number, entries: AsyncIterable<StateEntry>, segmentBytes?: number) =>
  restoreDiskStore({ directory, revision, entries, nowMs: clock.now(), ...(segmentBytes && { segmentBytes }) });

describe('a restored store', () => {
  it('has every entry with its revisions, over several segments, and goes on from there', async () => {
    const directory = newDirectory();
    await restore(directory, 5000, state(1000), 16_384);
    const store = await opened(directory);
    expect([store.revision, store.compactedRevision, store.count('k/')]).toEqual([5000, 5000, 1000]);
    const { entries } = store.range({ start: 'k/', end: 'k0' });
    expect(entries.map(({ key }) => key)).toEqual(entries.map(({ key }) => key).toSorted());
    const entry = store.get('k/00777');
    expect([entry?.createRevision, entry?.modRevision, entry?.value.toString()]).toEqual([777, 2331, 'value 777']);
    const value = (): Buffer => Buffer.from('next');
    const written = await store.write({
      type: 'put',
      key: 'k/00777',
      expectedRevision: 2331,
      encode: () => ({ value }),
    });
    expect(written.modRevision).toBe(5001);
    expect(() => store.watch({ prefix: 'k/', afterRevision: 4999, onEvents: () => undefined })).toThrow(CompactedError);
    await store.close();
    stores.length = 0;
    const again = await opened(directory);
    expect([again.revision, again.get('k/00777')?.value.toString(), again.count('k/')]).toEqual([5001, 'next', 1000]);
  });

  it('can be empty', async () => {
    const directory = newDirectory();
    await restore(directory, 7, state(0));
    expect((await opened(directory)).revision).toBe(7);
  });

  it('never takes the place of something else', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'manifest'), '');
    await expect(restore(directory, 9, state(1))).rejects.toThrow('is not empty: it holds manifest');
  });

  it('is refused when an entry cannot be of its revision, and is no store then', async () => {
    const directory = newDirectory();
    await expect(restore(directory, 29, state(10))).rejects.toThrow(
      'k/00010 cannot be of revision 30 in a state at 29',
    );
    await expect(opened(directory)).rejects.toThrow('manifest is missing');
  });
});
