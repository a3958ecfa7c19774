import { createMetrics } from '../metrics/index.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conflict, resources } from '../api/index.ts';
import { sleep } from '../clock/index.ts';
import { createLogger, silentLogger } from '../log/index.ts';
import { FakeClock } from '../testing/index.ts';
import { Precedence } from './precedence.ts';
import { runController, type RunOptions } from './run-controller.ts';
import { createWorkqueue } from './workqueue.ts';

const take = (queue: ReturnType<typeof createWorkqueue>): string[] => {
  const keys: string[] = [];
  for (let key = queue.take(); key !== undefined; key = queue.take()) keys.push(key);
  return keys;
};

describe('workqueue', () => {
  it('holds a key once, in the order of arrival', () => {
    const queue = createWorkqueue({ clock: new FakeClock() });
    for (const key of ['b', 'a', 'b', 'c', 'a']) queue.add(key);
    expect(queue.length).toBe(3);
    expect(take(queue)).toEqual(['b', 'a', 'c']);
  });

  it('hands out many keys in order, without losing any', () => {
    const queue = createWorkqueue({ clock: new FakeClock() });
    const keys = Array.from({ length: 50_000 }, (_, index) => `key-${index}`);
    const taken: string[] = [];
    for (const [index, key] of keys.entries()) {
      queue.add(key);
      if (index % 3 === 0) taken.push(queue.take() as string);
    }
    taken.push(...take(queue));
    expect(taken).toEqual(keys);
  });

  it('gives a key that was added during its work again only after it is done', () => {
    const queue = createWorkqueue({ clock: new FakeClock() });
    queue.add('a');
    expect(queue.take()).toBe('a');
    queue.add('a');
    queue.add('a');
    expect(queue.take()).toBeUndefined();
    queue.done('a');
    expect(take(queue)).toEqual(['a']);
    queue.done('a');
    expect(queue.take()).toBeUndefined();
  });

  it('keeps the earliest due time of a delayed key and uses one timer', async () => {
    const clock = new FakeClock();
    const queue = createWorkqueue({ clock });
    queue.addAfter('a', 100);
    queue.addAfter('a', 50);
    queue.addAfter('a', 70);
    queue.addAfter('b', 60);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(48);
    expect(take(queue)).toEqual([]);
    await clock.advance(2);
    expect(take(queue)).toEqual(['a']);
    queue.done('a');
    await clock.advance(1000);
    expect(take(queue)).toEqual(['b']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('hands out keys whose time has come before those that were just added, each once', async () => {
    const clock = new FakeClock();
    const queue = createWorkqueue({ clock });
    queue.add('in work');
    expect(queue.take()).toBe('in work');
    for (const key of ['added', 'both']) queue.add(key);
    for (const key of ['due', 'both', 'in work']) queue.addAfter(key, 10);
    await clock.advance(10);
    queue.add('in work');
    queue.add('last');
    expect([queue.length, queue.dueLength]).toEqual([4, 2]);
    expect(new Set([queue.take(), queue.take()])).toEqual(new Set(['both', 'due']));
    queue.done('in work');
    expect(queue.dueLength).toBe(1);
    expect(take(queue)).toEqual(['in work', 'added', 'last']);
    queue.done('both');
    expect([queue.take(), queue.length]).toEqual([undefined, 0]);
  });

  it('doubles the back-off per failure up to the maximum and forgets', async () => {
    const clock = new FakeClock();
    const queue = createWorkqueue({ clock, backoff: { baseMs: 1000, maxMs: 5000 } });
    const waits: number[] = [];
    for (let failure = 0; failure < 5; failure++) {
      if (failure === 4) queue.forget('a');
      const start = clock.now();
      queue.addRateLimited('a');
      await clock.advanceToNextTimer();
      waits.push(clock.now() - start);
      expect(queue.take()).toBe('a');
      queue.done('a');
    }
    expect(waits).toEqual([1000, 2000, 4000, 5000, 1000]);
  });

  it('leaves nothing behind when stopped', () => {
    const clock = new FakeClock();
    const queue = createWorkqueue({ clock });
    queue.add('a');
    queue.addAfter('b', 10);
    queue.stop();
    queue.add('c');
    queue.addAfter('d', 10);
    expect([queue.take(), clock.pendingTimers]).toEqual([undefined, 0]);
  });

  it('never loses a key and never works on one twice at once', async () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      how: fc.constantFrom('add', 'after', 'limited'),
      waitMs: fc.nat({ max: 30 }),
    });
    const property = fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 4 }),
      async (steps, workers) => {
        const clock = new FakeClock();
        const queue = createWorkqueue({ clock, backoff: { baseMs: 5, maxMs: 20 } });
        const running = new Set<string>();
        const asked = new Map<string, number>();
        const begun = new Map<string, number>();
        let most = 0;
        const reconcile = async (key: string): Promise<void> => {
          if (running.has(key)) throw new Error(`${key} runs twice at once`);
          running.add(key);
          most = Math.max(most, running.size);
          begun.set(key, clock.now());
          await sleep(clock, 7);
          running.delete(key);
        };
        const runner = runController({
          name: 'test',
          queue,
          workers,
          reconcile,
          clock,
          log: silentLogger,
          metrics: createMetrics(),
        });
        for (const { key, how, waitMs } of steps) {
          asked.set(key, clock.now());
          if (how === 'add') queue.add(key);
          else if (how === 'after') queue.addAfter(key, waitMs);
          else queue.addRateLimited(key);
          await clock.advance(waitMs);
        }
        await clock.advance(10_000);
        for (const [key, at] of asked) expect(begun.get(key)).toBeGreaterThanOrEqual(at);
        expect(most).toBeLessThanOrEqual(workers);
        expect(running.size + queue.length).toBe(0);
        await runner.stop();
      },
    );
    await fc.assert(property, { numRuns: 60, seed: 20260101 });
  });
});

describe('runController', () => {
  it('works on keys only after the code that added them has finished', async () => {
    const clock = new FakeClock();
    const queue = createWorkqueue({ clock });
    const order: string[] = [];
    const reconcile = (key: string): Promise<void> => {
      order.push(key);
      return Promise.resolve();
    };
    runController({ name: 'test', queue, workers: 2, reconcile, clock, log: silentLogger, metrics: createMetrics() });
    queue.add('a');
    order.push('batch applied');
    await clock.settle();
    expect(order).toEqual(['batch applied', 'a']);
  });

  it('retries failures with back-off, warns, and is quiet about conflicts', async () => {
    const clock = new FakeClock();
    const lines: string[] = [];
    const log = createLogger({ clock, level: 'info', write: (line) => lines.push(line) });
    const queue = createWorkqueue({ clock });
    const at: number[] = [];
    const reconcile = (): Promise<void> => {
      at.push(clock.monotonic());
      if (at.length === 1) return Promise.reject(new Error('boom'));
      if (at.length === 2) return Promise.reject(conflict(resources.jobs, 'a'));
      return Promise.resolve();
    };
    runController({ name: 'test', queue, workers: 1, reconcile, clock, log, metrics: createMetrics() });
    queue.add('default/a');
    await clock.advance(10_000);
    expect(at).toEqual([0, 1000, 3000]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('reconcile failed, trying again controller=test key=default/a failures=1 error=boom');
    expect(queue.failures('default/a')).toBe(0);
  });

  it('waits in stop for what is running and starts nothing more', async () => {
    const clock = new FakeClock();
    const queue = createWorkqueue({ clock });
    const done: string[] = [];
    const reconcile = async (key: string): Promise<void> => {
      await sleep(clock, 100);
      done.push(key);
    };
    const runner = runController({
      name: 'test',
      queue,
      workers: 1,
      reconcile,
      clock,
      log: silentLogger,
      metrics: createMetrics(),
    });
    queue.add('a');
    queue.add('b');
    await clock.settle();
    let stopped = false;
    const stopping = runner.stop().then(() => (stopped = true));
    await clock.advance(99);
    expect(stopped).toBe(false);
    await clock.advance(1);
    await stopping;
    await clock.advance(1000);
    expect(done).toEqual(['a']);
  });

  it('begins nothing while work whose time has come waits elsewhere', async () => {
    const clock = new FakeClock();
    const dueFirst = new Precedence();
    const begun: string[] = [];
    const reconcile = async (key: string): Promise<void> => {
      begun.push(key);
      await sleep(clock, 5);
    };
    const run = (options: Partial<RunOptions>) => {
      const queue = createWorkqueue({ clock });
      runController({
        ...{ name: 'test', queue, workers: 1, reconcile, clock, log: silentLogger, metrics: createMetrics() },
        ...options,
      });
      return queue;
    };
    const due = run({ holds: dueFirst });
    const other = run({ givesWayTo: dueFirst });
    for (const key of ['due 1', 'due 2']) due.addAfter(key, 10);
    await clock.advance(8);
    for (const key of ['begun before', 'other']) other.add(key);
    await clock.advance(2);
    expect(begun).toEqual(['begun before', 'due 1']);
    await clock.advance(4);
    expect(begun).toEqual(['begun before', 'due 1']);
    await clock.advance(1);
    expect(begun).toEqual(['begun before', 'due 1', 'due 2', 'other']);
    expect(dueFirst.isHeld).toBe(false);
  });
});
