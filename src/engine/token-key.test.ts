import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/index.ts';
import { createLogger, silentLogger } from '../log/index.ts';
import { ensureTokenKey } from './token-key.ts';

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'rondo-key-')), 'sa.key');
});
afterEach(() => rmSync(join(path, '..'), { recursive: true }));

describe('the key of ServiceAccount tokens', () => {
  it('stays the same, for its owner only', () => {
    const made = ensureTokenKey(path, silentLogger);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(ensureTokenKey(path, silentLogger)).toBe(made);
  });

  it.each(['', 'nothing of use\n'])('is made anew, and said so, when the file holds %j', (text) => {
    writeFileSync(path, text);
    const lines: string[] = [];
    const log = createLogger({ clock: new FakeClock(), level: 'warn', write: (line) => lines.push(line) });
    ensureTokenKey(path, log);
    expect(readFileSync(path, 'utf8')).toContain('PRIVATE KEY');
    expect(lines).toHaveLength(text === '' ? 0 : 1);
  });
});
