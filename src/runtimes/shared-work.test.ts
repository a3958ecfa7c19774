import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SharedWork, Turns } from './shared-work.ts';

const reason = new Error('unwanted');

/** Work that ends when it is told to, or with the reason of its signal. */
function workUnderTest() {
  const begun: { signal: AbortSignal; finish: (result: string) => void }[] = [];
  const work = (signal: AbortSignal): Promise<string> =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
      begun.push({ signal, finish: resolve });
    });
  return { begun, work };
}

describe('shared work', () => {
  it('is done once for all who want it, and anew for who comes afterwards', async () => {
    const { begun, work } = workUnderTest();
    const shared = new SharedWork<string>();
    const { signal } = new AbortController();
    const all = [shared.join('a', signal, work), shared.join('a', signal, work), shared.join('b', signal, work)];
    expect(begun.length).toBe(2);
    for (const [index, { finish }] of begun.entries()) finish(`done ${index}`);
    expect(await Promise.all(all)).toEqual(['done 0', 'done 0', 'done 1']);
    void shared.join('a', signal, work);
    expect(begun.length).toBe(3);
  });

  it('goes on while one still wants it, and is given up with the last', async () => {
    const { begun, work } = workUnderTest();
    const shared = new SharedWork<string>();
    const [one, other] = [new AbortController(), new AbortController()];
    const [first, second] = [shared.join('a', one.signal, work), shared.join('a', other.signal, work)];
    one.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect(begun[0]!.signal.aborted).toBe(false);
    other.abort(reason);
    const next = shared.join('a', new AbortController().signal, work);
    await expect(second).rejects.toBe(reason);
    begun[1]!.finish('anew');
    expect(await next).toBe('anew');
    await expect(shared.join('a', one.signal, work)).rejects.toBe(reason);
  });
});

describe('turns', () => {
  it('let so many work at a time, in the order in which they came, without those who left', async () => {
    const turns = new Turns(2);
    const { signal } = new AbortController();
    const leaving = new AbortController();
    const { begun, work } = workUnderTest();
    const all = [1, 2, 3].map(() => turns.take(signal, () => work(signal)));
    const left = turns.take(leaving.signal, () => work(leaving.signal));
    const last = turns.take(signal, () => Promise.reject(new Error('failed')));
    await setImmediate();
    expect(begun.length).toBe(2);
    leaving.abort(reason);
    await expect(left).rejects.toBe(reason);
    begun[0]!.finish('1');
    expect(await all[0]).toBe('1');
    await setImmediate();
    expect(begun.length).toBe(3);
    begun[1]!.finish('2');
    await expect(last).rejects.toThrow('failed');
    begun[2]!.finish('3');
    expect(await Promise.all(all)).toEqual(['1', '2', '3']);
  });
});
