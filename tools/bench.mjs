// `npm run bench -- [--quick] [--write] [name…]`: compiles src/ and bench/ and runs the benchmarks (all without names).
// `--write` puts the results into bench/README.md. Names: see bench/main.ts; also the bare ones store, runtime, cron.
import { cpSync, existsSync } from 'node:fs';
import { ensureBuilt } from './build.mjs';
import { bin, ensureInstalled, root, run } from './installed.mjs';

ensureInstalled();
ensureBuilt();
run(process.execPath, [bin('tsc'), '-p', 'tsconfig.bench.json']);
// The compiled programs are looked for beside the sources that run.
for (const name of ['shim', 'rondo-starter'])
  if (existsSync(`${root}dist/${name}`))
    cpSync(`${root}dist/${name}`, `${root}.cache/bench/dist/${name}`, { recursive: true });
const args = process.argv.slice(2);
const own = args.filter((name) => existsSync(`${root}bench/${name}.bench.ts`));
for (const name of own) run(process.execPath, [`${root}.cache/bench/bench/${name}.bench.js`]);
const rest = args.filter((name) => !own.includes(name));
if (own.length === 0 || rest.some((arg) => !arg.startsWith('--'))) {
  run(process.execPath, [`${root}.cache/bench/bench/main.js`, ...rest]);
  if (rest.includes('--write'))
    run(process.execPath, [bin('prettier'), '--write', '--log-level', 'warn', 'bench/README.md']);
}
