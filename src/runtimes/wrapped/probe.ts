import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { defaultPath } from './environment.ts';
import type { Shell } from './wrapper.ts';

/** What a short probe command answers; undefined if it failed or took longer than five seconds. */
export function ask(command: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { timeout: 5000, env: { PATH: defaultPath }, maxBuffer: 65_536 };
    const child = execFile(command, args, options, (error, stdout) => resolve(error === null ? stdout : undefined));
    child.stdin?.end();
  });
}

const bashArgs = ['--noprofile', '--norc'];

/**
 * Chooses the shell by trying what it must do: `set -m; command &` has to give the command a process group of its
 * own without any terminal. bash does, also as macOS' sh; dash and busybox do not and get setsid(1).
 */
export async function probeShell(only?: 'setsid'): Promise<Shell> {
  const hasProc = existsSync('/proc/self/stat');
  const candidates =
    only === 'setsid' ? [] : [...['/bin/bash', '/usr/bin/bash', '/usr/local/bin/bash'].filter(existsSync), '/bin/sh'];
  for (const path of candidates) {
    const args = path.endsWith('bash') ? bashArgs : [];
    if (await givesGroups(path, args)) return { path, args, group: { type: 'job-control' }, hasProc };
  }
  if ((await ask('setsid', ['true'])) === undefined)
    throw new Error('the process runtime needs bash, or setsid (util-linux or busybox), and found neither');
  const resets = (await ask('env', ['--default-signal=INT,QUIT', 'true'])) !== undefined;
  const prefix = resets ? 'env --default-signal=INT,QUIT setsid' : 'setsid';
  return { path: '/bin/sh', args: [], group: { type: 'setsid', prefix }, hasProc };
}

async function givesGroups(path: string, args: readonly string[]): Promise<boolean> {
  // A group led by the child exists exactly if signal 0 can be sent to it. `: <&3` style waiting is not needed:
  // the child lives until it is killed.
  const script = 'set -m; sleep 5 </dev/null >/dev/null 2>&1 & kill -0 -- "-$!" && echo own; kill -KILL "$!"';
  const answer = await ask(path, [...args, '-c', `( ${script} ) 2>/dev/null; true`]);
  return answer?.trim() === 'own';
}

/** Differs after each start of the machine: processes of an earlier boot are gone. */
export async function currentBootId(): Promise<string> {
  const file = '/proc/sys/kernel/random/boot_id';
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  return (await ask('sysctl', ['-n', 'kern.bootsessionuuid']))?.trim() ?? 'unknown';
}
