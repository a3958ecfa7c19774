import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keptText, openDataDirectory } from './data-directory.ts';
import { reachableUrl } from '../apiserver/index.ts';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'rondo-data-'))));
afterEach(() => rmSync(directory, { recursive: true }));

describe('openDataDirectory', () => {
  it('gives absolute paths for a relative one: containers run in other directories', () => {
    const opened = openDataDirectory(relative(process.cwd(), directory));
    expect([opened.path, opened.pods]).toEqual([directory, join(directory, 'pods')]);
  });
});

describe('keptText', () => {
  it('keeps what was made first, in a private file', () => {
    const path = join(directory, 'token');
    expect(keptText(path, () => 'one')).toBe('one');
    expect(keptText(path, () => 'two')).toBe('one');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('makes it again where the file is empty, as after a loss of power', () => {
    const path = join(directory, 'token');
    writeFileSync(path, '');
    expect(keptText(path, () => 'one')).toBe('one');
    expect(readFileSync(path, 'utf8')).toBe('one\n');
  });
});

describe('reachableUrl', () => {
  it.each([
    ['https://0.0.0.0:6443', 'https://127.0.0.1:6443'],
    ['https://[::]:6443', 'https://[::1]:6443'],
    ['https://192.0.2.7:6443', 'https://192.0.2.7:6443'],
  ])('%s is %s for clients here', (url, expected) => {
    expect(reachableUrl(url)).toBe(expected);
  });
});
