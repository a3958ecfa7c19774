import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ask, defaultPath } from '../wrapped/index.ts';
import type { Executor } from './container-spec.ts';
import { shimExecutor } from './shim-executor.ts';
import { neededTools, networkTools, utilLinuxExecutor } from './util-linux-executor.ts';

/** Where `npm run build` puts the shim, seen from this file in src/ and in dist/ alike. */
const shimPath = fileURLToPath(new URL('../../../dist/shim/rondo-shim', import.meta.url));

let known: Promise<string | undefined> | undefined;

/** Why this machine cannot have sandboxes; undefined if it can. Found out by trying, once. */
export function sandboxProblem(): Promise<string | undefined> {
  known ??= tryOut();
  return known;
}

async function tryOut(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'it needs Linux';
  if (process.getuid?.() !== 0) return 'it needs root';
  const missing = neededTools.filter((name) => findTool(name) === undefined);
  if (missing.length > 0) return `it needs ${missing.join(', ')} (util-linux, coreutils)`;
  const words = ['-m', '-p', '-u', '-i', '-f', '/bin/sh', '-c'];
  const script =
    'd=$(mktemp -d) && mount -t tmpfs t "$d" && mkdir "$d/u" "$d/w" "$d/r" && ' +
    'mount -t overlay o -o "lowerdir=/,upperdir=$d/u,workdir=$d/w" "$d/r" && mount -t proc p "$d/r/proc"; ' +
    'code=$?; umount -l "$d"; rmdir "$d"; exit "$code"';
  const works = (await ask('unshare', [...words, script])) !== undefined;
  return works ? undefined : 'this machine allows no namespaces or overlay mounts (a container without privileges?)';
}

/** The shim where it was built and runs, else the programs of util-linux. */
export async function chooseExecutor(dataDir: string, only: 'shim' | 'util-linux' | undefined): Promise<Executor> {
  if (only !== 'util-linux' && existsSync(shimPath) && (await shimRuns())) return shimExecutor(shimPath);
  if (only === 'shim') throw new Error(`the shim was not built (${shimPath}); npm run build needs a C compiler for it`);
  const tools = new Map(neededTools.map((name) => [name, findTool(name) ?? name]));
  for (const name of networkTools) {
    const path = findTool(name);
    if (path !== undefined) tools.set(name, path);
  }
  const deviceTemplate = `${dataDir}/devices`;
  await makeDeviceTemplate(deviceTemplate);
  return utilLinuxExecutor({ tools, deviceTemplate });
}

async function shimRuns(): Promise<boolean> {
  return (await ask(shimPath, ['version']))?.startsWith('rondo-shim ') === true;
}

function findTool(name: string): string | undefined {
  return defaultPath
    .split(':')
    .map((directory) => `${directory}/${name}`)
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

const nodes = { null: '1 3', zero: '1 5', full: '1 7', random: '1 8', urandom: '1 9', tty: '5 0' };
const links = {
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
  ptmx: 'pts/ptmx',
};

/**
 * Device files that all containers share as the lower directory of their /dev. Made once: containers that run on while
 * the engine is started again would lose theirs.
 */
async function makeDeviceTemplate(directory: string): Promise<void> {
  if (existsSync(directory)) return;
  // It gets its name when it is complete.
  const draft = `${directory}.draft`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(`${draft}/pts`, { recursive: true, mode: 0o755 });
  const lines = [
    'set -e; cd "$1"; mkdir shm; : >termination-log',
    ...Object.entries(nodes).map(([name, numbers]) => `mknod -m 666 ${name} c ${numbers}`),
    ...Object.entries(links).map(([name, target]) => `ln -s ${target} ${name}`),
  ];
  if ((await ask('/bin/sh', ['-c', lines.join('\n'), 'rondo', draft])) === undefined)
    throw new Error(`the sandbox runtime cannot make device files in ${directory}`);
  renameSync(draft, directory);
}
