// Compiles src/ to dist/ unless dist/ is newer than every source, joins the program in dist/program/, and compiles starter/
// and shim/ where there is a C compiler.
// `--force` always compiles.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { bin, ensureInstalled, root, run } from './installed.mjs';

const stamp = `${root}dist/.built`;

function newestSource() {
  return ['src', 'starter', 'shim', 'tsconfig.json', 'tsconfig.build.json', 'package.json', 'tools/bundle.mjs']
    .flatMap((path) =>
      statSync(root + path).isDirectory()
        ? readdirSync(root + path, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => `${entry.parentPath}/${entry.name}`)
        : [root + path],
    )
    .reduce((newest, path) => Math.max(newest, statSync(path).mtimeMs), 0);
}

export function ensureBuilt() {
  ensureInstalled();
  if (!process.argv.includes('--force') && existsSync(stamp) && statSync(stamp).mtimeMs > newestSource()) return;
  rmSync(`${root}dist`, { recursive: true, force: true });
  run(process.execPath, [bin('tsc'), '-p', 'tsconfig.build.json']);
  run(process.execPath, [`${root}tools/bundle.mjs`]);
  buildStarter();
  buildShim();
  writeFileSync(stamp, '');
}

/**
 * The shim of the sandbox runtime, static if this machine has a static C library. False without a compiler: then there
 * is none, and the runtime does its work with util-linux.
 */
export function buildShim() {
  if (process.platform !== 'linux') return false;
  const target = `${root}dist/shim/rondo-shim`;
  const files = readdirSync(`${root}shim`).map((name) => `${root}shim/${name}`);
  const newestMs = files.reduce((newest, file) => Math.max(newest, statSync(file).mtimeMs), 0);
  if (existsSync(target) && statSync(target).mtimeMs > newestMs) return true;
  mkdirSync(`${root}dist/shim`, { recursive: true });
  const compiled = compileC(
    target,
    files.filter((name) => name.endsWith('.c')),
  );
  if (!compiled) process.stderr.write('no shim could be compiled: the sandbox runtime will use util-linux\n');
  return compiled;
}

/** Programs that are not there without a C compiler: then a shell starts containers, which takes longer. */
function buildStarter() {
  const compiled = ['rondo-starter', 'rondo-terminal'].every((name) =>
    compileC(`${root}dist/${name}`, [`${root}starter/${name}.c`]),
  );
  if (compiled) return;
  process.stderr.write('no starter could be compiled: a shell will start containers, and exec has no terminals\n');
}

/** Static where that can be had: then it runs wherever this kernel does. False without a compiler. */
function compileC(target, files) {
  const temporary = `${target}.${process.pid}`;
  for (const linking of [['-static'], []]) {
    const words = [...linking, '-O2', '-s', '-o', temporary, ...files];
    const { status, error } = spawnSync('cc', words, { stdio: ['ignore', 'ignore', 'pipe'] });
    if (error !== undefined) return false;
    if (status !== 0) continue;
    renameSync(temporary, target);
    return true;
  }
  return false;
}

if (process.argv[1] === new URL(import.meta.url).pathname) ensureBuilt();
