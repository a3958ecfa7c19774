// `npm run test:examples [FILE…]`: the use cases in examples/ on real parts. Installs what they need: Debian packages, as
// root, and the npm packages of tests/examples/s3. A case whose parts cannot be had says so.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { bin, ensureInstalled, root, run } from './installed.mjs';
import { ensureBuilt } from './build.mjs';
import { ensureToolchain } from './toolchain.mjs';

/** By the program that tells whether it is there. */
const packages = {
  age: 'age',
  bash: 'bash',
  curl: 'curl',
  busybox: 'busybox-static',
  jq: 'jq',
  lynis: 'lynis',
  nginx: 'nginx-light',
  pg_dump: 'postgresql-client',
  pg_ctlcluster: 'postgresql',
  yara: 'yara',
  zstd: 'zstd',
};

function installPackages() {
  const has = (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
  const missing = [...new Set(Object.entries(packages).flatMap(([program, name]) => (has(program) ? [] : [name])))];
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !has('apt-get')) {
    console.log(`not installed, because only root can do that with apt-get: ${missing.join(' ')}`);
    return;
  }
  console.log(`installing from Debian: ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const quiet = { env, stdio: ['ignore', 'ignore', 'inherit'] };
  // A cluster that Debian makes and starts by itself is not needed.
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...missing]])
    if (spawnSync('apt-get', ['-q', ...args], quiet).status !== 0) console.log(`apt-get ${args[0]} failed`);
}

ensureInstalled();
installPackages();
if (!existsSync(`${root}tests/examples/s3/node_modules/.bin/s3rver`))
  run('npm', ['ci', '--no-audit', '--no-fund', '--prefix', 'tests/examples/s3']);
ensureBuilt();
ensureToolchain();
run(process.execPath, [bin('vitest'), 'run', '--config', 'vitest.examples.config.ts', ...process.argv.slice(2)]);
