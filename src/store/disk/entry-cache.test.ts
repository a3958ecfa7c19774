import { describe, expect, it } from 'vitest';
import { TraceEntry, WrittenEntry } from '../stored-entry.ts';
import type { Memo } from '../store.ts';
import { Version } from '../version.ts';
import { EntryCache } from './entry-cache.ts';

const value = Buffer.alloc(1000);

/** What is kept beside a value; `held` says whether others hold it too. */
function memoOf(state: { held: boolean }): Memo {
  const trace: Memo = {
    trace: () => trace,
    get isLost() {
      return !state.held;
    },
  };
  return { trace: () => (state.held ? trace : undefined), isLost: false };
}

function write(cache: EntryCache, revision: number, memo?: Memo): Version {
  const version = new Version(`key-${revision}`, 'put', revision, revision);
  cache.add(version, new WrittenEntry(version, { value: () => value, ...(memo && { memo }) }));
  return version;
}

describe('the cache of entries', () => {
  it('keeps a trace of what has gone out, and reads its value only when asked for it', () => {
    const reads: number[] = [];
    const cache = new EntryCache(5000, ({ revision }) => {
      reads.push(revision);
      return value;
    });
    const state = { held: true };
    const first = write(cache, 1, memoOf(state));
    const second = write(cache, 2);
    write(cache, 3);
    expect(second.entry).toBeUndefined();
    expect(first.entry).toBeInstanceOf(TraceEntry);
    const trace = first.entry as TraceEntry;
    expect([trace.isLost, reads]).toEqual([false, []]);
    expect([trace.value, reads]).toEqual([value, [1]]);
    state.held = false;
    expect(trace.isLost).toBe(true);
  });

  it('keeps nothing of what nobody else holds, and of what is removed', () => {
    const cache = new EntryCache(5000, () => value);
    const lost = write(cache, 1, memoOf({ held: false }));
    const removed = write(cache, 2, memoOf({ held: true }));
    for (const revision of [3, 4]) write(cache, revision);
    expect(lost.entry).toBeUndefined();
    expect(removed.entry).toBeInstanceOf(TraceEntry);
    cache.remove(removed);
    expect(removed.entry).toBeUndefined();
  });

  it('keeps a bounded number of traces, the newest', () => {
    const cache = new EntryCache(1, () => value);
    const versions = Array.from({ length: 16_384 + 3 }, (_, at) => write(cache, at + 1, memoOf({ held: true })));
    const kept = versions.filter(({ entry }) => entry instanceof TraceEntry);
    expect(kept).toHaveLength(16_384);
    expect(versions[0]?.entry).toBeUndefined();
  });
});
