import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { judge } from '../tools/prove-ticks/judge.ts';

const minuteMs = 60_000;
const run = (minute: number, lateMs = 0) => ({ dueMs: minute * minuteMs, createdMs: minute * minuteMs + lateMs });
const life = (fromMinute: number, toMinute: number) => ({
  readyMs: fromMinute * minuteMs,
  killedMs: toMinute * minuteMs,
});
const evidence = { fromMs: 0, untilMs: 5 * minuteMs, graceMs: 10_000, lives: [life(0, 10)] };

describe('the judge of ticks', () => {
  it('finds nothing wrong with one Job per tick', () => {
    const verdict = judge({ ...evidence, runs: [1, 2, 3, 4, 5].map((minute) => run(minute)) });
    const none = { caughtUp: 0, overtaken: 0, late: [], missing: [], extra: [], double: [], early: [] };
    expect(verdict).toEqual({ ticks: 5, ran: 5, ...none });
  });

  it('finds what is missing, extra, double, late and early', () => {
    const runs = [run(1), run(1), run(2, 30_000), run(4, -5000), run(5), { dueMs: 90_000, createdMs: 90_000 }];
    expect(judge({ ...evidence, runs })).toMatchObject({
      missing: ['1970-01-01T00:03:00.000Z'],
      extra: ['1970-01-01T00:01:30.000Z'],
      double: ['1970-01-01T00:01:00.000Z'],
      late: ['1970-01-01T00:02:00.000Z'],
      early: ['1970-01-01T00:04:00.000Z'],
    });
  });

  it('lets an engine that was down catch up with the latest tick alone', () => {
    const lives = [life(0, 1.5), life(4.5, 10)];
    const runs = [run(1), run(4, 30_000), run(5)];
    expect(judge({ ...evidence, lives, runs })).toMatchObject({ caughtUp: 1, overtaken: 2, missing: [] });
    expect(judge({ ...evidence, lives, runs: [run(1), run(5)] }).missing).toEqual(['1970-01-01T00:04:00.000Z']);
  });
});

describe('an engine that is killed again and again', () => {
  const script = fileURLToPath(new URL('../tools/prove-ticks/main.ts', import.meta.url));

  it.each([
    [['some'], 'kills: "some"'],
    [['0'], 'kills: "0"'],
    [['2', 'x'], 'seed: "x"'],
    [['2', '1', 'slow'], 'mode: "slow" is neither fast nor minutes'],
    [['2', '1', 'fast', 'please'], 'unexpected argument "please"'],
  ])('refuses %j', (args, message) => {
    const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script, ...args], { encoding: 'utf8' });
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  it.each(['fast', 'minutes'])(
    'makes one Job per tick (%s)',
    (mode) => {
      const seed = process.env['RONDO_SEED'] ?? '1';
      console.log(`seed ${seed} (set RONDO_SEED to repeat)`);
      const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script, '4', seed, mode], {
        encoding: 'utf8',
      });
      expect(`${status} ${stderr.replaceAll('.', '').trim()}`).toBe('0 ');
      expect(JSON.parse(stdout)).toMatchObject({ mode, missing: [], extra: [], double: [], early: [] });
    },
    180_000,
  );
});
