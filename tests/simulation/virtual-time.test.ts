import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration, ServerTime } from '../../src/engine/index.ts';

const startMs = Date.UTC(2026, 2, 8);

describe('the time of a virtual server', () => {
  it('stands still, and says what comes next', () => {
    const time = new ServerTime(startMs);
    time.after(90_000, () => undefined);
    expect(time.read()).toEqual({
      apiVersion: 'rondo.dev/v1alpha1',
      kind: 'Clock',
      now: '2026-03-08T00:00:00.000Z',
      nextTimer: '2026-03-08T00:01:30.000Z',
      pendingTimers: 1,
    });
  });

  it('fires timers on the way at their own instants', async () => {
    const time = new ServerTime(startMs);
    const seen: number[] = [];
    const again = (): void => {
      seen.push(time.now() - startMs);
      if (seen.length < 3) time.after(600_000, again);
    };
    time.after(600_000, again);
    expect(await time.move({ advance: '1h' })).toMatchObject({ now: '2026-03-08T01:00:00.000Z', nextTimer: null });
    expect(seen).toEqual([600_000, 1_200_000, 1_800_000]);
    expect(await time.move({ advanceTo: '2026-03-09T00:00:00Z' })).toMatchObject({ now: '2026-03-09T00:00:00.000Z' });
  });

  it('steps the wall clock without letting time pass', async () => {
    const time = new ServerTime(startMs);
    let fired = false;
    time.after(1000, () => (fired = true));
    expect(await time.move({ set: '2027-01-01T00:00:00Z' })).toMatchObject({ nextTimer: '2027-01-01T00:00:01.000Z' });
    expect(fired).toBe(false);
  });

  it('does what is due at once without being moved', async () => {
    const time = new ServerTime(startMs);
    await new Promise<void>((resolve) => time.after(0, resolve));
    expect(time.now()).toBe(startMs);
  });

  it('moves once after the other', async () => {
    const time = new ServerTime(startMs);
    const readings = await Promise.all([time.move({ advance: '1h' }), time.move({ advance: '1h' })]);
    expect(readings.map(({ now }) => now)).toEqual(['2026-03-08T01:00:00.000Z', '2026-03-08T02:00:00.000Z']);
  });

  it.each([
    [{}, 'give exactly one of'],
    [{ advance: '1h', set: '2026-01-01T00:00:00Z' }, 'give exactly one of'],
    [{ advance: '-1h' }, 'is no duration'],
    [{ advance: '900w900w900w900w900w900w' }, 'advance: more than 36600d at once is too much'],
    [{ advance: `${'9'.repeat(400)}d` }, 'advance: more than 36600d at once is too much'],
    [{ advanceTo: '2200-01-01T00:00:00Z' }, 'advanceTo: more than 36600d at once is too much'],
    [{ set: '9999-01-01T00:00:00Z' }, 'set: "9999-01-01T00:00:00Z" is not between 1970 and 9998'],
    [{ set: '1969-12-31T23:59:59Z' }, 'set: "1969-12-31T23:59:59Z" is not between 1970 and 9998'],
    [{ advance: 'soon' }, 'is no duration'],
    [{ set: 'noon' }, 'is no instant'],
    [{ advanceTo: '2026-02-30T00:00:00Z' }, 'is no instant'],
    [{ advanceTo: '2026-03-07T00:00:00Z' }, 'it is 2026-03-08T00:00:00.000Z already'],
  ])('refuses %j', async (move, message) => {
    const time = new ServerTime(startMs);
    await expect(time.move(move)).rejects.toThrow(message);
    expect(await time.move({ advance: '1s' })).toMatchObject({ now: '2026-03-08T00:00:01.000Z' });
  });
});

it('a virtual server never leaves the years that can be written', async () => {
  const time = new ServerTime(Date.UTC(9998, 11, 31));
  await expect(time.move({ advance: '1d' })).rejects.toThrow('the time after it is not between 1970 and 9998');
  expect(await time.move({ advance: '23h' })).toMatchObject({ now: '9998-12-31T23:00:00.000Z' });
});

describe('durations', () => {
  it.each([
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['1d12h', 129_600_000],
    ['2w', 1_209_600_000],
    ['0', 0],
    ['-30m', -1_800_000],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '5', 'h', '1h 30m', '1y', '--1h', '1h-30m', '+1h'])('does not read %j', (text) => {
    expect(parseDuration(text)).toBeNaN();
  });

  it.each([0, 1, 999, 1000, 90_000, 86_399_999, 86_400_000, 31_536_000_000, -5000])(
    'writes %d so that it reads it',
    (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    },
  );
});
