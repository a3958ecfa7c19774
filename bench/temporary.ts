// Directories that go when the benchmark ends.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];
process.once('exit', () => made.forEach((path) => rmSync(path, { recursive: true, force: true })));

export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'rondo-bench-'));
  made.push(path);
  return path;
}

/** Ends the use of a directory early, where it is large. */
export function removeTemporary(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
