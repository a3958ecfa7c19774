import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { StoreOpenError } from '../errors.ts';
import { errorCode, type DirectoryLock } from './file-layer.ts';

/** Makes the names of drafts unique within the process. */
let drafts = 0;

interface Owner {
  readonly pid: number;
  /** Tells this process from a later one with the same number. */
  readonly started: string;
  readonly released: boolean;
}

/**
 * Takes a directory for this process with nothing but atomic file operations, so it works on every system.
 *
 * The lock is the file `lock.N` with the highest N; it names its owner by pid, start time and boot. Taking it means
 * creating `lock.N+1` with `link`, which only one process can do, and only if the owner of `lock.N` is dead or has
 * released it. The highest file is never removed (a release only marks it), so a process that looked at an old list
 * cannot slip in with a number already used: it sees a higher one when it looks again. After a kill -9 the pid is gone,
 * or belongs to a process with another start time, or the machine has booted since; nothing has to be cleaned up.
 * Limit: processes in different pid namespaces (containers) that share a directory cannot see each other.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const started = await processStart(process.pid);
  if (started === undefined) throw new StoreOpenError('cannot read the start time of this process');
  for (;;) {
    const highest = await highestLock(directory);
    if (highest > 0) await refuseIfAlive(directory, highest);
    const taken = await take(directory, highest + 1, { pid: process.pid, started, released: false });
    if (taken === 'lost') continue;
    for (const number of await lockNumbers(directory)) {
      if (number <= highest) await fs.promises.rm(lockPath(directory, number), { force: true });
    }
    return { release: () => writeOwner(directory, highest + 1, { pid: process.pid, started, released: true }) };
  }
}

async function take(directory: string, number: number, owner: Owner): Promise<'taken' | 'lost'> {
  const draft = path.join(directory, `lock-draft-${process.pid}-${++drafts}.tmp`);
  await fs.promises.writeFile(draft, JSON.stringify(owner), { mode: 0o600 });
  try {
    await fs.promises.link(draft, lockPath(directory, number));
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return 'lost';
    throw error;
  } finally {
    await fs.promises.rm(draft, { force: true });
  }
  if ((await highestLock(directory)) === number) return 'taken';
  await fs.promises.rm(lockPath(directory, number), { force: true });
  return 'lost';
}

async function refuseIfAlive(directory: string, number: number): Promise<void> {
  let owner: Owner;
  try {
    owner = JSON.parse(await fs.promises.readFile(lockPath(directory, number), 'utf8')) as Owner;
  } catch (error) {
    // Gone since it was listed: somebody took the next number. Unreadable text: a crash before it reached the disk.
    if (errorCode(error) === 'ENOENT' || error instanceof SyntaxError) return;
    throw error;
  }
  if (owner.released || (await processStart(owner.pid)) !== owner.started) return;
  throw new StoreOpenError(`${directory} is in use by process ${owner.pid}`);
}

async function writeOwner(directory: string, number: number, owner: Owner): Promise<void> {
  const draft = path.join(directory, `lock-draft-${process.pid}-${++drafts}.tmp`);
  await fs.promises.writeFile(draft, JSON.stringify(owner), { mode: 0o600 });
  await fs.promises.rename(draft, lockPath(directory, number));
}

async function lockNumbers(directory: string): Promise<number[]> {
  const names = await fs.promises.readdir(directory);
  return names.flatMap((name) => /^lock\.(\d+)$/.exec(name)?.[1] ?? []).map(Number);
}

async function highestLock(directory: string): Promise<number> {
  return Math.max(0, ...(await lockNumbers(directory)));
}

function lockPath(directory: string, number: number): string {
  return path.join(directory, `lock.${number}`);
}

/** Identifies a running process for good; undefined if there is none with this pid. */
async function processStart(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return psStart(pid);
  try {
    const stat = await fs.promises.readFile(`/proc/${pid}/stat`, 'utf8');
    const bootId = await fs.promises.readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    // Fields after the command, which is in parentheses and may hold anything: state is the 3rd, start time the 22nd.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : `${bootId.trim()} ${fields[19]}`;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

function psStart(pid: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(
      'ps',
      ['-o', 'lstart=', '-p', String(pid)],
      { env: { LC_ALL: 'C', PATH: '/bin:/usr/bin' } },
      (error, out) => resolve(error === null && out.trim() !== '' ? out.trim() : undefined),
    );
  });
}
