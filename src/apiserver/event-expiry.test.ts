import { describe, expect, it } from 'vitest';
import { boxKind, draftOf, startBench, widgetKind, type Bench } from '../../tests/contract/client-kinds.ts';
import { silentLogger } from '../log/index.ts';
import { createExpiry, type Expiry } from './event-expiry.ts';

const hourMs = 3_600_000;
const mortal = { ...widgetKind, timeToLiveMs: hourMs };

function startWithExpiry(): Bench & { expiry: Expiry } {
  const bench = startBench({ kinds: [mortal, boxKind] });
  return { ...bench, expiry: expiryOf(bench) };
}

function expiryOf({ operations, store, clock }: Bench): Expiry {
  return createExpiry({ operations, store, clock, log: silentLogger });
}

async function left({ operations, on }: Bench): Promise<string[]> {
  const { items } = await operations.list(on(mortal), {});
  return items.map(({ object }) => object.metadata.name);
}

describe('expiry', () => {
  it('removes an object that long after its last write', async () => {
    const bench = startWithExpiry();
    const { operations, on, clock, expiry } = bench;
    await expiry.start();
    await operations.create(on(mortal), draftOf('old'));
    await operations.create(on(mortal), draftOf('renewed'));
    await operations.create(on(boxKind), draftOf('box'));
    await clock.advance(hourMs / 2);
    const body = { metadata: { labels: { seen: 'again' } } };
    await operations.patch(on(mortal), { namespace: 'default', name: 'renewed' }, { type: 'merge', body });
    await clock.advance(hourMs / 2 - 1);
    expect(await left(bench)).toEqual(['old', 'renewed']);
    await clock.advance(1);
    expect(await left(bench)).toEqual(['renewed']);
    await clock.advance(hourMs / 2);
    expect(await left(bench)).toEqual([]);
    expect((await operations.list(on(boxKind), {})).items).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it('goes on after a restart where objects say how old they are', async () => {
    const bench = startWithExpiry();
    const { operations, on, clock } = bench;
    await operations.create(on(mortal), draftOf('first'));
    await clock.advance(hourMs - 1000);
    await operations.create(on(mortal), draftOf('second'));
    await bench.expiry.start();
    await clock.advance(1000);
    expect(await left(bench)).toEqual(['second']);
  });

  it('removes many that are due at once, and survives that others removed some first', async () => {
    const bench = startWithExpiry();
    const { operations, on, clock } = bench;
    await bench.expiry.start();
    for (let i = 0; i < 250; i++) await operations.create(on(mortal), draftOf(`w${i}`));
    await operations.delete(on(mortal), { namespace: 'default', name: 'w7' }, {});
    await clock.advance(hourMs);
    expect(await left(bench)).toEqual([]);
  });

  it('reads nothing but the object that is due, however many are stored', async () => {
    const scanned = async (count: number): Promise<number> => {
      const bench = startWithExpiry();
      await bench.expiry.start();
      await bench.operations.create(bench.on(mortal), draftOf('due'));
      await bench.clock.advance(1000);
      for (let i = 0; i < count; i++) await bench.operations.create(bench.on(mortal), draftOf(`w${i}`));
      const before = bench.operations.counters.objectsScanned;
      await bench.clock.advance(hourMs - 1000);
      return bench.operations.counters.objectsScanned - before;
    };
    expect([await scanned(10), await scanned(1000)]).toEqual([0, 0]);
  });

  it('stops', async () => {
    const bench = startWithExpiry();
    await bench.operations.create(bench.on(mortal), draftOf('a'));
    await bench.expiry.start();
    bench.expiry.stop();
    await bench.clock.advance(2 * hourMs);
    expect(await left(bench)).toEqual(['a']);
  });
});
