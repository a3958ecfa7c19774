// The whole law: generated code up to date, format, types, lint, build, all tests. With arguments: only vitest with them.
import { bin, ensureInstalled, run } from './installed.mjs';
import { ensureBuilt } from './build.mjs';
import { ensureToolchain } from './toolchain.mjs';

const args = process.argv.slice(2);
ensureInstalled();
if (args.length === 0) {
  run(process.execPath, [bin('tsx'), 'tools/generate/main.ts', '--check']);
  run(process.execPath, [bin('prettier'), '--check', '--log-level', 'warn', '.']);
  run(process.execPath, [bin('tsc'), '--noEmit']);
  run(process.execPath, [bin('oxlint'), '--type-aware', '--deny-warnings']);
}
ensureBuilt();
if (args.length === 0 || args.some((arg) => arg.includes('e2e'))) ensureToolchain();
run(process.execPath, [bin('vitest'), 'run', ...args]);
