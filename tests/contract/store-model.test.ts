import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/log/index.ts';
import { ConflictError, createMemoryStore, openDiskStore, type Store, type StoreEvent } from '../../src/store/index.ts';
import { FakeClock } from '../../src/testing/index.ts';
import { FaultFiles } from './store-fault-files.ts';

const retention = { minEvents: 5, minAgeMs: 0 };
const keys = ['a', 'a/', 'a/1', 'a/1/x', 'a/10', 'a/2', 'b/1', 'b/\u00e9', 'b/\uffee'];

type Step =
  | {
      readonly do: 'write';
      readonly type: 'put' | 'delete';
      readonly key: string;
      readonly expected: Expected;
      readonly bytes: number;
    }
  | {
      readonly do: 'range';
      readonly start: string;
      readonly end: string;
      readonly back: number;
      readonly limit: number;
    }
  | { readonly do: 'watch'; readonly prefix: string; readonly back: number }
  | { readonly do: 'settle' | 'compact' | 'reopen' | 'cut power' };
type Expected = 'any' | 'newest' | 'none' | 'stale';

const key = fc.constantFrom(...keys);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      type: fc.constantFrom('put' as const, 'put' as const, 'delete' as const),
      key,
      expected: fc.constantFrom<Expected>('any', 'newest', 'none', 'stale'),
      bytes: fc.constantFrom(0, 10, 700, 4500),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('range' as const),
      start: key,
      end: key,
      back: fc.nat(8),
      limit: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('watch' as const),
      prefix: fc.constantFrom('a/', 'a/1', 'a/1/', 'b/'),
      back: fc.nat(8),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('compact' as const, 'reopen' as const, 'cut power' as const) }),
  },
);

interface ModelEvent {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly text: string;
  readonly created: number;
  readonly previous: string | undefined;
}

/** The simplest thing that follows the rules: a list of events. `visible` lags behind until the store has settled. */
class Model {
  readonly events: ModelEvent[] = [];

  newest(key: string, revision = this.events.length): { revision: number; event: ModelEvent } | undefined {
    for (let at = revision; at > 0; at--) {
      const event = this.events[at - 1];
      if (event?.key === key) return event.type === 'delete' ? undefined : { revision: at, event };
    }
    return undefined;
  }

  rangeAt(start: string, end: string, revision: number): string[] {
    const found = keys.filter((name) => name >= start && name < end).sort();
    return found.flatMap((name) => {
      const newest = this.newest(name, revision);
      return newest === undefined ? [] : [`${name} ${newest.revision} ${newest.event.created} ${newest.event.text}`];
    });
  }

  eventsAfter(revision: number, prefix: string): string[] {
    return this.events.flatMap((event, i) => {
      const matches = event.key === prefix || (prefix.endsWith('/') && event.key.startsWith(prefix));
      return i + 1 > revision && matches
        ? [`${i + 1} ${event.type} ${event.key} ${event.text} < ${event.previous}`]
        : [];
    });
  }
}

interface Seen {
  readonly prefix: string;
  readonly after: number;
  readonly events: string[];
}

interface Harness {
  readonly open: () => Promise<Store>;
  readonly reopen: ((store: Store, how: 'reopen' | 'cut power') => Promise<Store>) | undefined;
}

class Run {
  readonly #model = new Model();
  readonly #harness: Harness;
  #store: Store;
  #watches: Seen[] = [];
  #pending: Promise<unknown>[] = [];

  constructor(harness: Harness, store: Store) {
    this.#harness = harness;
    this.#store = store;
  }

  async step(step: Step): Promise<void> {
    if (step.do === 'write') this.#write(step);
    else if (step.do === 'range') this.#range(step);
    else if (step.do === 'watch') this.#watch(step.prefix, step.back);
    else {
      await this.#settle();
      if (step.do === 'compact') await this.#store.compact(this.#store.revision);
      else if (step.do !== 'settle') await this.#reopen(step.do);
    }
  }

  async finish(): Promise<void> {
    await this.#settle();
    await this.#store.close();
  }

  #write(step: Extract<Step, { do: 'write' }>): void {
    const newest = this.#model.newest(step.key);
    const actual = newest?.revision ?? 0;
    const expectedRevision = { any: undefined, newest: actual, none: 0, stale: Math.max(1, actual - 1) }[step.expected];
    const refused =
      (expectedRevision !== undefined && expectedRevision !== actual) || (step.type === 'delete' && actual === 0);
    const revision = this.#model.events.length + 1;
    const result = this.#store.write({
      key: step.key,
      type: step.type,
      ...(expectedRevision !== undefined && { expectedRevision }),
      encode: (given) => ({ value: () => Buffer.from(textOf(given, step.bytes)) }),
    });
    if (refused) {
      this.#pending.push(expectConflict(result, actual));
      return;
    }
    const createRevision = newest?.event.created ?? revision;
    const text = textOf(revision, step.bytes);
    const previous = newest?.event.text;
    this.#model.events.push({ type: step.type, key: step.key, text, created: createRevision, previous });
    this.#pending.push(
      result.then((entry) => expect(entry).toMatchObject({ modRevision: revision, createRevision, key: step.key })),
    );
    // A log that waits for its next segment decides a little later; memory never does.
    if (this.#harness.reopen !== undefined) return;
    expect(this.#store.getNewest(step.key)?.modRevision).toBe(step.type === 'delete' ? undefined : revision);
  }

  #range(step: Extract<Step, { do: 'range' }>): void {
    const revision = this.#store.revision - step.back;
    if (revision < this.#store.compactedRevision) {
      expect(() => this.#store.range({ start: step.start, end: step.end, revision })).toThrow('is older than');
      return;
    }
    const all = this.#model.rangeAt(step.start, step.end, revision);
    const result = this.#store.range({ start: step.start, end: step.end, revision, limit: step.limit });
    const found = result.entries.map((e) => `${e.key} ${e.modRevision} ${e.createRevision} ${e.value.toString()}`);
    expect(found).toEqual(all.slice(0, step.limit));
    expect([result.more, result.remaining]).toEqual([all.length > step.limit, Math.max(0, all.length - step.limit)]);
  }

  #watch(prefix: string, back: number): void {
    const afterRevision = Math.max(this.#store.compactedRevision, this.#store.revision - back);
    const seen: Seen = { prefix, after: afterRevision, events: [] };
    const onEvents = (events: readonly StoreEvent[]): void => {
      for (const { type, revision, entry, previous } of events) {
        const [text, before] = [entry.value.toString(), previous?.value.toString()];
        seen.events.push(`${revision} ${type} ${entry.key} ${text} < ${before}`);
      }
    };
    this.#store.watch({ prefix, afterRevision, onEvents });
    this.#watches.push(seen);
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#pending);
    this.#pending = [];
    for (let i = 0; i < 20; i++) await Promise.resolve();
    expect(this.#store.revision).toBe(this.#model.events.length);
    for (const { prefix, after, events } of this.#watches)
      expect(events).toEqual(this.#model.eventsAfter(after, prefix));
    for (const prefix of ['a/', 'b/']) {
      const live = keys.filter((name) => name.startsWith(prefix) && this.#model.newest(name) !== undefined);
      expect(this.#store.count(prefix)).toBe(live.length);
    }
  }

  async #reopen(how: 'reopen' | 'cut power'): Promise<void> {
    if (this.#harness.reopen === undefined) return;
    this.#store = await this.#harness.reopen(this.#store, how);
    this.#watches = [];
  }
}

function textOf(revision: number, bytes: number): string {
  return `r${revision}`.padEnd(bytes, '.');
}

async function expectConflict(result: Promise<unknown>, actualRevision: number): Promise<void> {
  const outcome = await result.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(ConflictError);
  expect(outcome).toMatchObject({ actualRevision });
}

const runs = fc.array(step, { minLength: 20, maxLength: 120 });

async function follows(harness: Harness, steps: readonly Step[]): Promise<void> {
  const run = new Run(harness, await harness.open());
  for (const next of steps) await run.step(next);
  await run.finish();
}

describe('stores do what a list of events would do', () => {
  const clock = new FakeClock();

  it('in memory', async () => {
    const harness: Harness = { open: async () => createMemoryStore({ clock, retention }), reopen: undefined };
    await fc.assert(
      fc.asyncProperty(runs, (steps) => follows(harness, steps)),
      { numRuns: 150 },
    );
  });

  it('on disk, with reopening and power cuts between', async () => {
    const property = fc.asyncProperty(runs, async (steps) => {
      let files = new FaultFiles();
      const open = (): Promise<Store> =>
        openDiskStore({
          directory: '/s',
          clock,
          log: silentLogger,
          files,
          segmentBytes: 4096,
          cacheBytes: 2000,
          retention,
        });
      const reopen = async (store: Store, how: 'reopen' | 'cut power'): Promise<Store> => {
        if (how === 'reopen') await store.close();
        else files = files.afterPowerCut('nothing');
        return open();
      };
      await follows({ open, reopen }, steps);
    });
    await fc.assert(property, { numRuns: 150 });
  }, 60_000);
});
