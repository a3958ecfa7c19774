import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { test } from '../../src/cli/test.ts';
import { runCommand } from './terminal.ts';

const directory = fileURLToPath(new URL('../../examples/schedules/', import.meta.url));
const files = readdirSync(directory).filter((file) => file.endsWith('.test.yaml'));

it('finds the examples', () => {
  expect(files).toEqual(['backup.test.yaml', 'market-close.test.yaml', 'month-end.test.yaml']);
});

it.each(files)('examples/schedules/%s holds', { timeout: 60_000 }, async (file) => {
  const { code, out, error } = await runCommand(test, [directory + file]);
  expect(error).toBe('');
  expect(out).not.toContain('FAIL');
  expect(code).toBe(0);
});
