import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../clock/index.ts';
import { silentLogger, type Logger } from '../log/index.ts';
import { AuditLog, type AuditLogOptions } from './audit-log.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rondo-audit-'));
  path = join(directory, 'audit.log');
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = (options: Partial<AuditLogOptions> = {}): AuditLog =>
  new AuditLog({ path, limitBytes: 1000, keep: 2, clock: systemClock, log: silentLogger, ...options });

/** Writes them as one batch of a process. */
async function write(lines: readonly string[], options: Partial<AuditLogOptions> = {}): Promise<void> {
  const log = open(options);
  for (const line of lines) log.write(line);
  await log.close();
}

const text = (name = 'audit.log'): string => readFileSync(join(directory, name), 'utf8');

describe('the audit log', () => {
  it('is there from the beginning, for its owner only', async () => {
    await open().close();
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
  });

  it('holds a line for each, in order, over restarts', async () => {
    await write(['one', 'two']);
    await write(['three']);
    expect(text()).toBe('one\ntwo\nthree\n');
  });

  it('begins a new line after half a one', async () => {
    appendFileSync(path, 'one\n{"ha');
    await write(['two']);
    expect(text()).toBe('one\n{"ha\ntwo\n');
  });

  it('is set aside before it is larger than allowed, and the oldest go', async () => {
    for (const line of ['a', 'b', 'c', 'd']) await write([line.repeat(5)], { limitBytes: 8 });
    expect([text(), text('audit.log.1'), text('audit.log.2')]).toEqual(['ddddd\n', 'ccccc\n', 'bbbbb\n']);
    expect(existsSync(`${path}.3`)).toBe(false);
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
  });

  it('starts anew where none are kept', async () => {
    for (const line of ['a', 'b']) await write([line.repeat(5)], { limitBytes: 8, keep: 0 });
    expect(text()).toBe('bbbbb\n');
    expect(existsSync(`${path}.1`)).toBe(false);
  });

  it('says how many lines were lost when the disk does not take them', async () => {
    const told: unknown[] = [];
    const note = (message: string, fields: unknown): void => void told.push([message, fields]);
    const logger = { ...silentLogger, error: (message: string) => note(message, {}), warn: note } as Logger;
    const log = open({ log: logger });
    rmSync(directory, { recursive: true });
    for (const line of ['one', 'two']) log.write(line);
    await log.close();
    expect(told).toEqual([
      ['the audit log cannot be written', {}],
      ['lines of the audit log were lost', { lines: 2, path }],
    ]);
    directory = mkdtempSync(join(tmpdir(), 'rondo-audit-'));
  });
});
