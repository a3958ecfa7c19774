// Runs every case of tests/fixtures/patches/cases.json through `kubectl patch --local` (upstream's own code, no server)
// and writes what it answers beside it: the oracle that src/api/patches.test.ts holds our patches against.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Case {
  name: string;
  type: 'strategic' | 'merge' | 'json';
  object: Record<string, unknown>;
  patch: unknown;
}

const folder = new URL('../tests/fixtures/patches/', import.meta.url);
const cases = JSON.parse(readFileSync(new URL('cases.json', folder), 'utf8')) as Case[];
const directory = mkdtempSync(join(tmpdir(), 'rondo-patches-'));
const file = join(directory, 'object.json');

function record({ type, object, patch }: Case): { expected: unknown } | { error: string } {
  writeFileSync(file, JSON.stringify(object));
  const args = ['patch', '--local', '-f', file, '--type', type, '-p', JSON.stringify(patch), '-o', 'json'];
  try {
    return {
      expected: JSON.parse(
        execFileSync(process.env['KUBECTL'] ?? 'kubectl', args, { encoding: 'utf8', stdio: 'pipe' }),
      ),
    };
  } catch (error) {
    return { error: (error as { stderr: string }).stderr.trim() };
  }
}

const recorded = cases.map((entry) => ({ ...entry, ...record(entry) }));
writeFileSync(new URL('recorded.json', folder), `${JSON.stringify(recorded, null, 1)}\n`);
rmSync(directory, { recursive: true });
console.log(`${recorded.length} cases, ${recorded.filter((entry) => 'error' in entry).length} of them errors`);
