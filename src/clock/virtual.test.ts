import { describe, expect, it } from 'vitest';
import { VirtualClock } from './virtual.ts';
import { seededRandom } from './seeded.ts';

describe('VirtualClock', () => {
  it('fires timers in the order of due time, then of creation', async () => {
    const clock = new VirtualClock(1000);
    const fired: string[] = [];
    const note = (name: string) => () => fired.push(`${name}@${clock.now()}`);
    clock.after(20, note('c'));
    clock.after(10, note('a'));
    clock.after(10, note('b'));
    clock.after(30, note('later'));
    await clock.advance(29);
    expect(fired).toEqual(['a@1010', 'b@1010', 'c@1020']);
    expect(clock.now()).toBe(1029);
    expect(clock.pendingTimers).toBe(1);
  });

  it('keeps the order with many timers and cancellations', async () => {
    const seed = 7;
    const random = seededRandom(seed);
    const clock = new VirtualClock(0);
    const expected: number[] = [];
    const fired: number[] = [];
    for (let count = 0; count < 500; count++) {
      const due = Math.floor(random.float() * 100);
      const timer = clock.after(due, () => fired.push(due));
      if (random.float() < 0.3) timer.cancel();
      else expected.push(due);
    }
    expect(clock.pendingTimers).toBe(expected.length);
    await clock.advance(100);
    expect(fired, `seed ${seed}`).toEqual(expected.toSorted((a, b) => a - b));
    expect(clock.pendingTimers).toBe(0);
  });

  it('settles chains of microtasks, yields and timers without delay before time passes', async () => {
    const clock = new VirtualClock(0);
    const seen: number[] = [];
    clock.after(5, () => {
      void (async () => {
        for (let step = 0; step < 50; step++) await clock.yield();
        clock.after(0, () => seen.push(clock.now()));
      })();
    });
    clock.after(6, () => seen.push(clock.now()));
    await clock.advance(10);
    expect(seen).toEqual([5, 6]);
  });

  it('lets a timer that fires start one within the same advance', async () => {
    const clock = new VirtualClock(0);
    let count = 0;
    const again = (): void => {
      count++;
      clock.after(10, again);
    };
    clock.after(10, again);
    await clock.advance(100);
    expect(count).toBe(10);
    expect(await clock.advanceToNextTimer()).toBe(true);
    expect(clock.now()).toBe(110);
  });

  it('never calls synchronously and reports when no timer is left', async () => {
    const clock = new VirtualClock(0);
    let called = false;
    clock.after(0, () => (called = true));
    expect(called).toBe(false);
    await clock.settle();
    expect(called).toBe(true);
    expect(await clock.advanceToNextTimer()).toBe(false);
  });

  it('steps the wall time without touching timers', async () => {
    const clock = new VirtualClock(1000);
    let firedAt = 0;
    clock.after(100, () => (firedAt = clock.now()));
    clock.setWallTime(500_000);
    await clock.advance(99);
    expect(firedAt).toBe(0);
    await clock.advance(1);
    expect(firedAt).toBe(500_100);
    expect(clock.monotonic()).toBe(100);
  });

  it('fires nothing twice and nothing after a cancel', async () => {
    const clock = new VirtualClock(0);
    let count = 0;
    const timer = clock.after(1, () => count++);
    await clock.advance(1);
    timer.cancel();
    timer.cancel();
    expect([count, clock.pendingTimers]).toEqual([1, 0]);
  });
});

describe('seededRandom', () => {
  it('repeats for the same seed and differs for another', () => {
    const draw = (seed: number) => {
      const random = seededRandom(seed);
      return [random.float(), random.uuid(), random.float(), [...random.bytes(4)]];
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('gives numbers in [0, 1) and version 4 UUIDs', () => {
    const random = seededRandom(3);
    for (let count = 0; count < 1000; count++) {
      const value = random.float();
      expect(value >= 0 && value < 1).toBe(true);
      expect(random.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });
});
