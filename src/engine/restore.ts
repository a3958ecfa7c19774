import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, normalize, resolve, sep } from 'node:path';
import { systemClock } from '../clock/index.ts';
import { restoreDiskStore, StoreOpenError, type StateEntry } from '../store/index.ts';
import type { BackupEntry } from './backup-extension.ts';
import { BackupError, type OpenBackup } from './backup-file.ts';
import { secretKeyPath, StartError, writePrivateFile } from './data-directory.ts';
import { secretCipher } from './secret-key.ts';

/**
 * Makes a data directory of a backup: whole, or not at all. Resolves with the number of objects.
 * @throws StartError if the directory exists and is not empty, or cannot be written; BackupError if the backup is damaged
 */
export async function restoreDataDirectory(given: string, backup: OpenBackup): Promise<number> {
  const path = resolve(given);
  if (existsSync(path) && readdirSync(path).length > 0)
    throw new StartError(`${path} is not empty: a backup is restored into a new data directory`);
  const draft = `${path}.restoring`;
  let objects = 0;
  async function* entries(): AsyncGenerator<StateEntry> {
    for await (const entry of backup.entries) {
      objects++;
      yield stateOf(entry);
    }
  }
  try {
    rmSync(draft, { recursive: true, force: true });
    mkdirSync(draft, { recursive: true, mode: 0o700 });
    for (const { name, text } of backup.files) writePrivateFile(safePath(draft, name), text);
    const { revision } = backup.header;
    // Backups of before there was a key get one.
    const cipher = secretCipher(secretKeyPath(draft));
    const directory = join(draft, 'store');
    await restoreDiskStore({ directory, revision, entries: entries(), nowMs: systemClock.now(), cipher });
    if (existsSync(path)) rmdirSync(path);
    mkdirSync(dirname(path), { recursive: true });
    renameSync(draft, path);
    return objects;
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw explained(error, path);
  }
}

function stateOf({ key, createRevision, modRevision, value }: BackupEntry): StateEntry {
  if (typeof key !== 'string' || typeof value !== 'string') throw new BackupError('an object has no key or no value');
  return { key, createRevision, modRevision, value: Buffer.from(value) };
}

/** A backup comes from outside: nothing of it may land elsewhere. */
function safePath(base: string, name: string): string {
  const path = normalize(join(base, name));
  if (!path.startsWith(base + sep)) throw new BackupError(`it holds a file with the name ${JSON.stringify(name)}`);
  return path;
}

function explained(error: unknown, path: string): unknown {
  if (error instanceof StoreOpenError) return new BackupError(error.message, { cause: error });
  if ((error as NodeJS.ErrnoException).syscall === undefined) return error;
  return new StartError(`${path} cannot be written: ${(error as Error).message}`, { cause: error });
}
