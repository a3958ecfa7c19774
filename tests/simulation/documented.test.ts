import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { preview } from '../../src/cli/preview.ts';
import { test } from '../../src/cli/test.ts';
import { runCommand } from './terminal.ts';

const page = readFileSync(new URL('../../docs/testing-cronjobs.md', import.meta.url), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'rondo-documented-'));
const examples = fileURLToPath(new URL('../../examples/schedules', import.meta.url));
cpSync(examples, directory, { recursive: true });
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What the page shows of a command: its arguments, and what it prints. */
function shown(command: string): { readonly args: readonly string[]; readonly out: string } {
  const [, args = '', out = ''] = new RegExp(`\\$ ${command} ?([^\\n]*)\\n([^]*?)\`\`\``).exec(page) ?? [];
  return { args: args.split(' ').map((arg) => (arg.endsWith('.yaml') ? join(directory, arg) : arg)), out };
}

const withoutDirectory = (text: string): string => text.replaceAll(`${directory}/`, '');

describe('what the page about testing CronJobs shows', () => {
  it('is what `rondo preview` prints', async () => {
    const { args, out } = shown('rondo preview');
    const result = await runCommand(preview, args);
    expect(withoutDirectory(result.out)).toBe(out);
  });

  it('is what `rondo test` prints', async () => {
    const { args, out } = shown('rondo test');
    const [, scenario = ''] = /```yaml\n(# backup\.test\.yaml\n[^]*?)```/.exec(page) ?? [];
    writeFileSync(join(directory, 'backup.test.yaml'), scenario);
    const result = await runCommand(test, args);
    expect(`${result.error}${withoutDirectory(result.out)}`).toBe(out);
  });
});
