import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock/index.ts';
import { silentLogger } from '../../src/log/index.ts';
import { openDiskStore, StoreFullError, StoreOpenError, type FileLayer, type Store } from '../../src/store/index.ts';
import { put } from './store-contract.ts';
import { FaultFiles } from './store-fault-files.ts';

describe('opening a disk store', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rondo-open-'));
  });
  afterEach(() => rm(directory, { recursive: true }));
  const open = (files?: FileLayer): Promise<Store> =>
    openDiskStore({ directory, clock: systemClock, log: silentLogger, ...(files && { files }) });

  it('lets one store at a time use a directory, and names the process that has it', async () => {
    const store = await open();
    await expect(open()).rejects.toThrow(`${directory} is in use by process ${process.pid}`);
    await store.write(put('a', '1'));
    await store.close();
    const again = await open();
    expect(again.get('a')?.value.toString()).toBe('1');
    await again.close();
  });

  it('lets exactly one of many win that start at the same moment', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => open()));
    const stores = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(stores.length).toBe(1);
    await stores[0]?.close();
  });

  it('takes over the lock of a process that is gone, or whose number was given away', async () => {
    const store = await open();
    await store.close();
    const [name = ''] = (await readdir(directory)).filter((file) => file.startsWith('lock.'));
    for (const pid of [999_999_999, process.pid]) {
      await writeFile(join(directory, name), JSON.stringify({ pid, started: 'another boot 1', released: false }));
      await (await open()).close();
      await rm(join(directory, name), { force: true });
    }
  });

  it('keeps history across a restart', async () => {
    const store = await open();
    for (let i = 0; i < 20; i++) await store.write(put('a', String(i)));
    await store.close();
    const again = await open();
    expect([again.revision, again.compactedRevision]).toEqual([20, 0]);
    const past = again.range({ start: 'a', end: 'b', revision: 7 });
    expect(past.entries[0]?.value.toString()).toBe('6');
    await again.close();
  });

  it('refuses a newer format', async () => {
    await (await open()).close();
    const [body = ''] = (await readFile(join(directory, 'manifest'), 'utf8')).split('\n');
    const newer = JSON.stringify({ ...(JSON.parse(body) as object), format: 2 });
    await writeFile(join(directory, 'manifest'), `${newer}\n${crc32(newer).toString(16)}\n`);
    const refused = open();
    await expect(refused).rejects.toBeInstanceOf(StoreOpenError);
    await expect(refused).rejects.toThrow('manifest has format 2, from a newer Rondo; this one reads up to 1');
  });

  it('says so when the directory cannot be a directory', async () => {
    await writeFile(join(directory, 'file'), '');
    const refused = openDiskStore({
      directory: join(directory, 'file', 'store'),
      clock: systemClock,
      log: silentLogger,
    });
    await expect(refused).rejects.toBeInstanceOf(StoreOpenError);
  });

  it.each([
    ['EROFS', StoreOpenError, 'cannot be written (EROFS)'],
    ['EACCES', StoreOpenError, 'cannot be written (EACCES)'],
    ['ENOSPC', StoreFullError, 'no space is left to open'],
  ])('turns %s into an error that says what to do', async (code, type, message) => {
    const files = new FaultFiles();
    files.lock = () => Promise.reject(Object.assign(new Error(code), { code }));
    const refused = open(files);
    await expect(refused).rejects.toBeInstanceOf(type);
    await expect(refused).rejects.toThrow(message);
  });
});
