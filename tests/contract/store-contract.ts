import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CompactedError,
  ConflictError,
  FutureRevisionError,
  StoreClosedError,
  type Retention,
  type Store,
  type StoreEvent,
  type Write,
} from '../../src/store/index.ts';

/** How the suite gets a store; called once per test. */
export type OpenStore = (retention?: Retention) => Promise<Store>;

export function put(key: string, text: string, expectedRevision?: number): Write {
  const write: Write = { key, type: 'put', encode: () => ({ value: () => Buffer.from(text) }) };
  return expectedRevision === undefined ? write : { ...write, expectedRevision };
}

export function remove(key: string, text = 'last'): Write {
  return { key, type: 'delete', encode: () => ({ value: () => Buffer.from(text) }) };
}

/** Lets everything that is not waiting for a timer happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

const forgetful: Retention = { minEvents: 2, minAgeMs: 0 };

/** The rules of `Store`, for every implementation. */
export function storeContract(name: string, open: OpenStore): void {
  describe(`${name}: writes`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    it('starts empty at revision 0', () => {
      expect([store.revision, store.compactedRevision, store.get('a'), store.count('a/')]).toEqual([
        0,
        0,
        undefined,
        0,
      ]);
    });

    it('numbers writes without gaps and tells encode the number', async () => {
      const seen: number[] = [];
      const write = (key: string): Promise<unknown> =>
        store.write({
          key,
          type: 'put',
          encode: (revision) => {
            seen.push(revision);
            return { value: () => Buffer.from(String(revision)) };
          },
        });
      await Promise.all([write('a'), write('b'), write('a')]);
      await write('c');
      expect(seen).toEqual([1, 2, 3, 4]);
      expect(store.get('a')).toMatchObject({ createRevision: 1, modRevision: 3, value: Buffer.from('3') });
    });

    it('gives a key a new create revision after a delete', async () => {
      await store.write(put('a', '1'));
      await store.write(remove('a'));
      expect(store.get('a')).toBeUndefined();
      const entry = await store.write(put('a', '3', 0));
      expect([entry.createRevision, entry.modRevision]).toEqual([3, 3]);
    });

    it('judges preconditions at once, against writes that are not visible yet', async () => {
      const first = store.write(put('a', '1', 0));
      const second = store.write(put('a', '2', 0));
      const third = store.write(put('a', '3', 1));
      expect(store.get('a')).toBeUndefined();
      expect(store.getNewest('a')?.value.toString()).toBe('3');
      await expect(second).rejects.toMatchObject({ actualRevision: 1 });
      await expect(second).rejects.toBeInstanceOf(ConflictError);
      expect((await first).modRevision).toBe(1);
      expect((await third).modRevision).toBe(2);
    });

    it('shows no newest entry while a delete is under way', async () => {
      await store.write(put('a', '1'));
      const deleted = store.write(remove('a'));
      expect([store.get('a')?.modRevision, store.getNewest('a')]).toEqual([1, undefined]);
      await deleted;
      expect(store.get('a')).toBeUndefined();
    });

    it('refuses to delete what is not there', async () => {
      await expect(store.write(remove('a'))).rejects.toMatchObject({ actualRevision: 0 });
      expect(store.revision).toBe(0);
    });

    it('spends no revision on a write whose encode throws', async () => {
      const broken: Write = {
        key: 'a',
        type: 'put',
        encode: () => {
          throw new Error('cannot encode');
        },
      };
      await expect(store.write(broken)).rejects.toThrow('cannot encode');
      expect((await store.write(put('b', '1'))).modRevision).toBe(1);
    });

    it('refuses keys whose order would depend on the encoding', async () => {
      await expect(store.write(put('a/\u{1f600}', '1'))).rejects.toBeInstanceOf(TypeError);
    });

    it('keeps the memo beside the value', async () => {
      const memo = { trace: () => undefined, isLost: false };
      await store.write({ key: 'a', type: 'put', encode: () => ({ value: () => Buffer.from('1'), memo }) });
      expect(store.get('a')?.memo).toBe(memo);
    });

    it('keeps empty and large values', async () => {
      const large = 'x'.repeat(70_000);
      await Promise.all([store.write(put('a', '')), store.write(put('b', large))]);
      expect([store.get('a')?.value.length, store.get('b')?.value.toString()]).toEqual([0, large]);
    });

    it('keeps the order of writes that may wait and others', async () => {
      const waits = { ...put('a', 'waits'), flushMayWaitMs: 60_000 };
      const first = store.write(waits);
      const second = store.write(put('b', 'does not'));
      expect((await Promise.all([first, second])).map((entry) => entry.modRevision)).toEqual([1, 2]);
    });

    it('makes a write that may wait durable by itself when no other comes', async () => {
      await store.write({ ...put('a', 'alone'), flushMayWaitMs: 1 });
      expect(store.get('a')?.value.toString()).toBe('alone');
    });

    it('finishes a write that may wait when it is closed', async () => {
      const waits = store.write({ ...put('a', 'waits'), flushMayWaitMs: 60_000 });
      await store.close();
      expect((await waits).modRevision).toBe(1);
    });

    it('takes no writes after close, and finishes those under way', async () => {
      const under = store.write(put('a', '1'));
      const closed = store.close();
      await expect(store.write(put('b', '1'))).rejects.toBeInstanceOf(StoreClosedError);
      expect((await under).modRevision).toBe(1);
      await closed;
    });
  });

  describe(`${name}: reads`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
      for (const key of ['b/2', 'a/1', 'b/1', 'b0', 'b/3', 'c']) await store.write(put(key, key));
    });
    afterEach(() => store.close());
    const keysOf = (result: { entries: readonly { key: string }[] }): string[] => result.entries.map(({ key }) => key);

    it('reads ranges in key order', () => {
      const all = store.range({ start: 'b/', end: 'b0' });
      expect([keysOf(all), all.more, all.remaining, all.revision]).toEqual([['b/1', 'b/2', 'b/3'], false, 0, 6]);
    });

    it('cuts a range short and says what is left', () => {
      const page = store.range({ start: 'a/', end: 'd', limit: 2 });
      expect([keysOf(page), page.more, page.remaining]).toEqual([['a/1', 'b/1'], true, 4]);
      const exact = store.range({ start: 'b/', end: 'b0', limit: 3 });
      expect([exact.more, exact.remaining]).toEqual([false, 0]);
    });

    it('reads the past, with the past count of what is left', async () => {
      await store.write(remove('b/1'));
      await store.write(put('b/0', 'new'));
      await store.write(put('b/3', 'changed'));
      await store.write(remove('b/3'));
      const page = store.range({ start: 'b/', end: 'b0', limit: 1, revision: 6 });
      expect([keysOf(page), page.remaining]).toEqual([['b/1'], 2]);
      const past = store.range({ start: 'b/', end: 'b0', revision: 9 });
      expect(past.entries.map(({ value }) => value.toString())).toEqual(['new', 'b/2', 'changed']);
      expect(keysOf(store.range({ start: 'b/', end: 'b0' }))).toEqual(['b/0', 'b/2']);
    });

    it('refuses revisions that have not happened', () => {
      expect(() => store.range({ start: 'a', end: 'b', revision: 7 })).toThrow(FutureRevisionError);
    });

    it('counts keys under a prefix', async () => {
      await store.write(remove('b/2'));
      expect([store.count('b/'), store.count('a/'), store.count('x/')]).toEqual([2, 1, 0]);
    });
  });

  describe(`${name}: watches`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());
    const texts = (events: readonly StoreEvent[]): string[] =>
      events.map(({ type, revision, entry }) => `${revision} ${type} ${entry.key}`);

    it('tells the past and then goes on live, without gap or repetition', async () => {
      const seen: string[] = [];
      for (let i = 0; i < 600; i++) void store.write(put(`a/${i}`, 'x'));
      await store.write(put('b/1', 'x'));
      store.watch({ prefix: 'a/', afterRevision: 100, onEvents: (events) => seen.push(...texts(events)) });
      for (let i = 0; i < 50; i++) await store.write(put(`a/${i}`, 'y'));
      await settle();
      const past = Array.from({ length: 500 }, (_, i) => `${i + 101} put a/${i + 100}`);
      const live = Array.from({ length: 50 }, (_, i) => `${i + 602} put a/${i}`);
      expect(seen).toEqual([...past, ...live]);
    });

    it('tells watchers before writers, all of one turn at once, and never synchronously', async () => {
      const order: string[] = [];
      await store.write(put('a/0', 'x'));
      store.watch({ prefix: 'a/', afterRevision: 0, onEvents: (events) => order.push(texts(events).join()) });
      expect(order).toEqual([]);
      await settle();
      const writes = ['a/1', 'a/2'].map((key) => store.write(put(key, 'x')).then(() => order.push(key)));
      expect(order).toEqual(['1 put a/0']);
      await Promise.all(writes);
      expect(order).toEqual(['1 put a/0', '2 put a/1,3 put a/2', 'a/1', 'a/2']);
    });

    it('matches a prefix that ends in a slash, or one whole key', async () => {
      const seen: Record<string, string[]> = { 'a/': [], 'a/b/': [], 'a/b': [], 'a/b/c': [] };
      for (const [prefix, list] of Object.entries(seen)) {
        store.watch({
          prefix,
          afterRevision: 0,
          onEvents: (events) => list.push(...events.map(({ entry }) => entry.key)),
        });
      }
      for (const key of ['a/b', 'a/b/c', 'a/bb', 'ab', 'a/b/c/d']) await store.write(put(key, 'x'));
      expect(seen).toEqual({
        'a/': ['a/b', 'a/b/c', 'a/bb', 'a/b/c/d'],
        'a/b/': ['a/b/c', 'a/b/c/d'],
        'a/b': ['a/b'],
        'a/b/c': ['a/b/c'],
      });
    });

    it('gives the state before, and the last state with a delete', async () => {
      const events: StoreEvent[] = [];
      store.watch({ prefix: 'a', afterRevision: 0, onEvents: (batch) => events.push(...batch) });
      await store.write(put('a', 'one'));
      await store.write(put('a', 'two'));
      await store.write(remove('a', 'three'));
      await store.write(put('a', 'four'));
      const seen = events.map(({ type, entry, previous }) => [
        type,
        entry.value.toString(),
        previous?.value.toString(),
      ]);
      expect(seen).toEqual([
        ['put', 'one', undefined],
        ['put', 'two', 'one'],
        ['delete', 'three', 'two'],
        ['put', 'four', undefined],
      ]);
      expect(events[2]?.entry).toMatchObject({ createRevision: 1, modRevision: 3 });
    });

    it('stops when closed, also in the middle of a batch', async () => {
      const seen: string[] = [];
      const second = store.watch({ prefix: 'a', afterRevision: 1, onEvents: () => seen.push('second') });
      store.watch({ prefix: 'a', afterRevision: 1, onEvents: () => seen.push('third') });
      second.close();
      await store.write(put('a', '1'));
      await store.write(put('a', '2'));
      expect(seen).toEqual(['third']);
    });
  });

  describe(`${name}: compaction`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open(forgetful);
    });
    afterEach(() => store.close());

    it('drops history by itself, but never what retention asks for', async () => {
      for (let i = 0; i < 200; i++) await store.write(put(`a/${i % 3}`, String(i)));
      expect(store.compactedRevision).toBe(198);
      expect(() => store.range({ start: 'a/', end: 'a0', revision: 197 })).toThrow(CompactedError);
      expect(() => store.watch({ prefix: 'a/', afterRevision: 197, onEvents: () => undefined })).toThrow(
        CompactedError,
      );
      const at = store.range({ start: 'a/', end: 'a0', revision: 198 });
      expect(at.entries.map(({ value }) => value.toString())).toEqual(['195', '196', '197']);
    });

    it('keeps what is asked for when told to drop more', async () => {
      for (let i = 0; i < 5; i++) await store.write(put('a', String(i)));
      await store.compact(5);
      expect(store.compactedRevision).toBe(3);
    });

    it('forgets deleted keys, and reads and watches the rest as before', async () => {
      for (let i = 0; i < 100; i++) {
        await store.write(put(`a/${i}`, 'x'));
        if (i % 2 === 0) await store.write(remove(`a/${i}`));
      }
      await store.compact(store.revision);
      expect([store.count('a/'), store.range({ start: 'a/', end: 'a0' }).entries.length]).toEqual([50, 50]);
      const revision = store.compactedRevision;
      const past = store.range({ start: 'a/', end: 'a0', revision, limit: 10 });
      expect(past.entries.length + past.remaining).toBe(50);
    });
  });
}
