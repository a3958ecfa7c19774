import { expect } from 'vitest';
import { prefixEnd, type Store, type StoreEvent, type Write } from '../../src/store/index.ts';

interface Issued {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly text: string;
}

/** Remembers every write that got a revision and which of them were acknowledged, to judge what a store holds later. */
export class Journal {
  readonly #issued = new Map<number, Issued>();
  acknowledged = 0;

  /** The same knowledge, to go on differently from here. */
  copy(): Journal {
    const copy = new Journal();
    for (const [revision, issued] of this.#issued) copy.#issued.set(revision, issued);
    copy.acknowledged = this.acknowledged;
    return copy;
  }

  /** Writes through the journal; a refusal is the caller's to look at. */
  async write(store: Store, write: Omit<Write, 'encode'>, bytes: number): Promise<void> {
    const entry = await store.write({
      ...write,
      encode: (revision) => {
        const text = `${revision}:${write.key}:`.padEnd(bytes, 'x');
        this.#issued.set(revision, { type: write.type, key: write.key, text });
        return { value: () => Buffer.from(text) };
      },
    });
    expect(entry.value.toString()).toBe(this.#issued.get(entry.modRevision)?.text);
    this.acknowledged = Math.max(this.acknowledged, entry.modRevision);
  }

  /** What a store at `revision` must hold. */
  stateAt(revision: number): Map<string, string> {
    const state = new Map<string, string>();
    for (let at = 1; at <= revision; at++) {
      const issued = this.#issued.get(at);
      if (issued === undefined) throw new Error(`revision ${at} was never given to a write`);
      if (issued.type === 'put') state.set(issued.key, issued.text);
      else state.delete(issued.key);
    }
    return new Map([...state].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Every acknowledged write is there, nothing half-written is, and the history after the compacted revision is whole. */
  async check(store: Store): Promise<void> {
    expect(store.revision).toBeGreaterThanOrEqual(this.acknowledged);
    for (const revision of [store.compactedRevision, store.revision]) {
      expect(read(store, revision)).toEqual(this.stateAt(revision));
    }
    expect(store.count('k/')).toBe(this.stateAt(store.revision).size);
    const events: StoreEvent[] = [];
    const watch = store.watch({
      prefix: 'k/',
      afterRevision: store.compactedRevision,
      onEvents: (batch) => events.push(...batch),
    });
    while ((events.at(-1)?.revision ?? store.compactedRevision) < store.revision) await Promise.resolve();
    watch.close();
    expect(events.map(({ revision }) => revision)).toEqual(
      Array.from({ length: store.revision - store.compactedRevision }, (_, i) => store.compactedRevision + 1 + i),
    );
    for (const { type, revision, entry, previous } of events) {
      expect({ type, key: entry.key, text: entry.value.toString() }).toEqual(this.#issued.get(revision));
      expect(previous?.value.toString()).toBe(this.stateAt(revision - 1).get(entry.key));
    }
    // What was given to writes that never became durable may be given again.
    for (const revision of this.#issued.keys()) if (revision > store.revision) this.#issued.delete(revision);
  }
}

function read(store: Store, revision: number): Map<string, string> {
  const { entries } = store.range({ start: 'k/', end: prefixEnd('k/'), revision });
  return new Map(entries.map(({ key, value }) => [key, value.toString()]));
}
