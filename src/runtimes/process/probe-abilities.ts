import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from '../wrapped/index.ts';
import type { Abilities } from './admission.ts';
import { sandboxCommand, type MountStep } from './mount-script.ts';
import { hostDirectories } from './sandbox.ts';

/** Finds out by trying what this user may do on this machine. */
export async function probeAbilities(dataDir: string, limit: Abilities['mounts'] | undefined): Promise<Abilities> {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const words = uid === 0 ? ['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'] : ['--no-new-privs'];
  const [mounts, setpriv] = await Promise.all([
    limit ?? (process.platform === 'linux' ? probeMounts(dataDir, uid, gid) : 'none'),
    process.platform === 'linux' ? ask('setpriv', [...words, 'true']) : undefined,
  ]);
  return { uid, gid, mounts, setpriv: setpriv !== undefined };
}

async function probeMounts(dataDir: string, uid: number, gid: number): Promise<Abilities['mounts']> {
  const base = join(dataDir, 'probe');
  rmSync(base, { recursive: true, force: true });
  const directories = ['root', 'volume', 'overlay'].map((name) => join(base, name));
  for (const directory of directories) mkdirSync(directory, { recursive: true, mode: 0o700 });
  const [root, volume, overlay] = directories as [string, string, string];
  const binds = hostDirectories().map((path): MountStep => ({
    type: 'bind',
    source: path,
    target: root + path,
    recursive: true,
  }));
  const simple: MountStep[] = [
    { type: 'tmpfs', target: root },
    ...binds,
    { type: 'bind', source: volume, target: `${root}/data/new`, recursive: false, readOnly: true },
  ];
  const nested: MountStep[] = [
    { type: 'overlay', lower: '/etc', target: `${root}/etc`, base: overlay, onTmpfs: false, mode: 0o755, owner: '0:0' },
    { type: 'bind', source: volume, target: `${root}/etc/rondo-probe/new`, recursive: false },
  ];
  const works = async (name: string, steps: readonly MountStep[]): Promise<boolean> => {
    const command = sandboxCommand({
      steps,
      root,
      fstab: join(base, name),
      errorFile: join(base, `${name}.error`),
      workingDir: '/data/new',
      command: ['true'],
      user: uid === 0 ? undefined : { uid, gid },
      containerName: 'probe',
    });
    return (await ask(command[0]!, command.slice(1))) !== undefined;
  };
  const [some, all] = await Promise.all([works('simple', simple), works('nested', [...simple, ...nested])]);
  rmSync(base, { recursive: true, force: true });
  return all ? 'anywhere' : some ? 'existing' : 'none';
}
