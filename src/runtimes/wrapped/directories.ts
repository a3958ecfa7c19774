import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { ContainerId } from '../runtime.ts';
import { markOf } from '../log-keeper.ts';
import { containerFiles, type Layout } from './layout.ts';

/** Not recursive, which would cost more system calls; another engine may have made it. */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** With all that is in it. Most Pods have one of three: asking is cheaper than walking. */
export async function removeDirectory(path: string): Promise<void> {
  if (existsSync(path)) await rm(path, { recursive: true, force: true, maxRetries: 3 });
}

/** Removes what in a directory is not to be kept, by name. */
export async function keepOnly(parent: string, isKept: (name: string) => boolean): Promise<void> {
  for (const name of readdirSync(parent)) if (!isKept(name)) await removeDirectory(`${parent}/${name}`);
}

/** The files of one attempt, but for its exit. */
export function removeContainerFiles(layout: Layout, id: ContainerId): void {
  const { log, message, error, fallback, claim, input } = containerFiles(layout, id);
  for (const file of [log, message, error, fallback, claim]) rmSync(file, { force: true });
  // Few have these: asking is cheaper than removing.
  for (const file of [markOf(log), input]) if (existsSync(file)) rmSync(file);
}
