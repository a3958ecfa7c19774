import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, statSync, type Stats } from 'node:fs';
import { chmod, mkdir, readdir, readlink, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { RuntimeError, type VolumeContent } from '../runtime.ts';

/**
 * Makes a Pod's volumes below `directory`, one entry each: a directory, or for a hostPath a link to it. Files are
 * replaced as a whole, as in Kubernetes: each set lies in a directory of its own, `..data` links to the newest, and
 * the visible names link through it. So a reader sees the old set or the new one, also through a mount.
 * @throws RuntimeError FailedMount
 */
export async function writeVolumes(directory: string, volumes: readonly VolumeContent[]): Promise<void> {
  if (volumes.length === 0) return;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const volume of volumes) {
    const path = join(directory, volume.name);
    if (volume.type === 'hostPath') await linkHostPath(path, volume);
    else {
      // The Pod's directory is closed to others; inside, as in Kubernetes, everybody may.
      await mkdir(path, { recursive: true });
      if (volume.type === 'emptyDir') await chmod(path, 0o777);
      else await writeFiles(path, volume);
    }
  }
}

async function writeFiles(directory: string, volume: VolumeContent): Promise<void> {
  const version = `..${digest(volume)}`;
  const link = join(directory, '..data');
  const current = await readlink(link).catch(() => undefined);
  if (current === version) return;
  const target = join(directory, version);
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { mode: 0o755 });
  for (const [name, file] of volume.files) {
    const path = join(target, safeRelative(name, volume.name));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file.content, { mode: 0o600 });
    await chmod(path, file.mode);
  }
  await replaceLink(version, link);
  await linkVisibleNames(directory, volume);
  if (current !== undefined) await rm(join(directory, current), { recursive: true, force: true });
}

async function linkVisibleNames(directory: string, volume: VolumeContent): Promise<void> {
  const names = new Set([...volume.files.keys()].map((name) => normalize(name).split('/')[0]!));
  for (const name of await readdir(directory)) {
    if (!name.startsWith('..') && !names.has(name)) await unlink(join(directory, name));
  }
  for (const name of names) {
    if (lstatSync(join(directory, name), { throwIfNoEntry: false }) === undefined)
      await symlink(join('..data', name), join(directory, name));
  }
}

async function replaceLink(target: string, link: string): Promise<void> {
  const temporary = `${link}_tmp`;
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  await rename(temporary, link);
}

function digest(volume: VolumeContent): string {
  const hash = createHash('sha256');
  for (const [name, { content, mode }] of volume.files)
    hash.update(`${name.length}:${name}:${mode}:${content.length}:`).update(content);
  return hash.digest('hex').slice(0, 16);
}

function safeRelative(name: string, volume: string): string {
  const path = normalize(name);
  if (path.startsWith('/') || path.split('/').includes('..') || path === '.')
    throw new RuntimeError('FailedMount', `volume ${volume}: ${JSON.stringify(name)} is not a path inside the volume`);
  return path;
}

const checks: Record<string, { readonly is: (stats: Stats) => boolean; readonly noun: string }> = {
  Directory: { is: (stats) => stats.isDirectory(), noun: 'directory' },
  DirectoryOrCreate: { is: (stats) => stats.isDirectory(), noun: 'directory' },
  File: { is: (stats) => stats.isFile(), noun: 'file' },
  FileOrCreate: { is: (stats) => stats.isFile(), noun: 'file' },
  Socket: { is: (stats) => stats.isSocket(), noun: 'socket file' },
  CharDevice: { is: (stats) => stats.isCharacterDevice(), noun: 'character device' },
  BlockDevice: { is: (stats) => stats.isBlockDevice(), noun: 'block device' },
};

/** Rules and texts of the checks as in Kubernetes: pkg/volume/hostpath. */
async function linkHostPath(link: string, volume: VolumeContent): Promise<void> {
  const { path, type } = volume.hostPath ?? { path: '', type: '' };
  if (!path.startsWith('/') || path.split('/').includes('..'))
    throw new RuntimeError('FailedMount', `volume ${volume.name}: hostPath ${JSON.stringify(path)} is not absolute`);
  if (type === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 }).catch(ignoreExisting);
  if (type === 'FileOrCreate') await writeFile(path, '', { flag: 'wx', mode: 0o644 }).catch(ignoreExisting);
  const check = checks[type];
  const stats = statSync(path, { throwIfNoEntry: false });
  if (check !== undefined && (stats === undefined || !check.is(stats)))
    throw new RuntimeError('FailedMount', `hostPath type check failed: ${path} is not a ${check.noun}`);
  await replaceLink(path, link);
}

function ignoreExisting(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
}

/** What lies below a directory, in bytes on disk. Counted by du(1), beside the engine: it may be very much. */
export async function diskUsage(directory: string): Promise<number> {
  if (!existsSync(directory)) return 0;
  // It ends with an error when files vanish under it, but tells what it has found.
  const { stdout } = await promisify(execFile)('du', ['-sk', directory]).catch(
    (error: unknown) => error as { readonly stdout: string },
  );
  return Number.parseInt(stdout, 10) * 1024 || 0;
}
