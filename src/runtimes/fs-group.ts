import { lstatSync } from 'node:fs';
import { chmod, lchown, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RuntimeError, type VolumeContent } from './runtime.ts';

/** Gives the Pod's own volumes to its group, as Kubernetes does: readable, writable, and inherited in directories. */
export async function applyFsGroup(directory: string, volumes: readonly VolumeContent[], group: number): Promise<void> {
  for (const { name, type } of volumes) {
    if (type === 'hostPath') continue;
    try {
      await giveTo(join(directory, name), group);
    } catch (error) {
      throw new RuntimeError('FailedMount', `fsGroup of volume ${name}: ${(error as Error).message}`, { cause: error });
    }
  }
}

async function giveTo(path: string, group: number): Promise<void> {
  const stats = lstatSync(path);
  await lchown(path, stats.uid, group);
  if (stats.isSymbolicLink()) return;
  const executable = (stats.mode & 0o100) === 0 ? 0 : 0o010;
  if (!stats.isDirectory())
    return chmod(path, (stats.mode & 0o7777) | 0o040 | ((stats.mode & 0o200) >> 3) | executable);
  await chmod(path, (stats.mode & 0o7777) | 0o2070);
  for (const name of await readdir(path)) await giveTo(join(path, name), group);
}
