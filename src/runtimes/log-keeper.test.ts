import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock/index.ts';
import { createLogger } from '../log/index.ts';
import { LogKeeper } from './log-keeper.ts';

const mebi = 1 << 20;
/** 64 bytes that tell their number. */
const line = (number: number): string => `${String(number).padStart(63, '.')}\n`;
const block = (from: number): string => Array.from({ length: mebi / 64 }, (_, at) => line(from + at)).join('');

let directory: string;
let file: string;
let clock: VirtualClock;
let growing: string[];
let lines: string[];
let keeper: LogKeeper;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rondo-logs-'));
  file = join(directory, 'a.log');
  clock = new VirtualClock();
  [growing, lines] = [[file], []];
  keeper = open();
});
afterEach(() => {
  keeper.stop();
  rmSync(directory, { recursive: true });
});

function open(): LogKeeper {
  const log = createLogger({ clock, level: 'info', write: (text) => lines.push(text) });
  const made = new LogKeeper({ clock, log, growing: () => growing });
  made.start();
  return made;
}

const write = (megabytes: number): void => {
  for (let at = 0; at < megabytes; at++) appendFileSync(file, block((statSizeOf(file) / 64) | 0));
};
const statSizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
const onDisk = (): number => statSync(file).blocks * 512;

/** Whether the file system of the tests can take the beginning of a file back. */
function punches(): boolean {
  const probe = mkdtempSync(join(tmpdir(), 'rondo-punch-'));
  try {
    appendFileSync(join(probe, 'file'), block(0));
    execFileSync('fallocate', ['-p', '-o', '0', '-l', '4096', join(probe, 'file')], { stdio: 'ignore' });
    return true;
  } catch {
    console.log('SKIPPED: shortening logs: no fallocate(1), or the file system of temporary files has no holes');
    return false;
  } finally {
    rmSync(probe, { recursive: true });
  }
}

describe.skipIf(!punches())('the keeper of logs', () => {
  it('leaves what is below five parts alone', async () => {
    write(50);
    await keeper.check(file);
    expect([keeper.beginningOf(file), onDisk() >= 50 * mebi]).toEqual([0, true]);
  });

  it('gives the oldest part back, and what is left begins with a line', async () => {
    write(51);
    appendFileSync(file, 'the end without a line break');
    await keeper.check(file);
    const beginning = keeper.beginningOf(file);
    const left = readFileSync(file).subarray(beginning);
    expect(left.subarray(0, 64).toString()).toBe(line(beginning / 64));
    expect(left.length).toBeLessThanOrEqual(40 * mebi);
    expect(left.length).toBeGreaterThan(40 * mebi - 64);
    expect(left.toString().endsWith('the end without a line break')).toBe(true);
    expect(onDisk()).toBeLessThan(41 * mebi);
    write(1);
    await keeper.check(file);
    expect(keeper.beginningOf(file)).toBe(beginning);
  });

  it('looks every ten seconds as long as something grows, also after the engine has come back', async () => {
    write(60);
    await clock.advance(9999);
    expect(keeper.beginningOf(file)).toBe(0);
    await clock.advance(1);
    await until(() => keeper.beginningOf(file) > 0);
    const beginning = keeper.beginningOf(file);
    keeper.stop();
    keeper = open();
    expect(keeper.beginningOf(file)).toBe(beginning);
    write(20);
    await clock.advance(10_000);
    await until(() => keeper.beginningOf(file) > beginning);
    await until(() => clock.pendingTimers === 1);
    growing = [];
    await clock.advance(10_000);
    await until(() => clock.pendingTimers === 0);
  });

  it('cuts in the middle of a line that is longer than a part', async () => {
    appendFileSync(file, Buffer.alloc(52 * mebi, 'x'));
    await keeper.check(file);
    expect(keeper.beginningOf(file)).toBe(12 * mebi);
  });

  it('says nothing of a log that has gone, and once that it cannot shorten one', async () => {
    await keeper.check(join(directory, 'none.log'));
    expect(lines).toEqual([]);
    write(51);
    const { PATH } = process.env;
    process.env['PATH'] = directory;
    try {
      await keeper.check(file);
      await keeper.check(file);
    } finally {
      process.env['PATH'] = PATH;
    }
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('logs of containers cannot be shortened here, they grow on');
    expect(existsSync(`${file}.begin.draft`)).toBe(false);
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
