import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { imagesPath } from './images.ts';

/** Why the engine cannot begin, in one line for a person. */
export class StartError extends Error {}

/** Where everything of one engine lies. */
export interface DataDirectory {
  readonly path: string;
  readonly store: string;
  /** Of the runtime `process`. */
  readonly pods: string;
  /** Of the runtime `sandbox`. */
  readonly sandboxes: string;
  /** Of the runtime `cri`. */
  readonly cri: string;
  /** Pulled and loaded images. */
  readonly images: string;
  /** Persistent volumes, one directory each. */
  readonly volumes: string;
  readonly pki: string;
  readonly kubeconfig: string;
  readonly token: string;
  /** The key that signs tokens of ServiceAccounts. */
  readonly tokenKey: string;
  /** The key that Secrets are sealed with in the store. */
  readonly secretKey: string;
  readonly nodeName: string;
  /** What clients did. */
  readonly auditLog: string;
}

/** Where the key lies that Secrets are sealed with. */
export function secretKeyPath(dataPath: string): string {
  return join(dataPath, 'pki', 'secrets.key');
}

/** `$XDG_DATA_HOME/rondo`, or `~/.local/share/rondo`. A relative `$XDG_DATA_HOME` counts as none: so says its specification. */
export function defaultDataPath(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_DATA_HOME'];
  return base !== undefined && isAbsolute(base) ? join(base, 'rondo') : join(homedir(), '.local', 'share', 'rondo');
}

/**
 * Makes the directory and those below it, for their owner only.
 * @throws StartError when it cannot be written
 */
export function openDataDirectory(given: string): DataDirectory {
  // Containers run in directories of their own: a relative path would mean another place there.
  const path = resolve(given);
  const directory: DataDirectory = {
    path,
    store: join(path, 'store'),
    pods: join(path, 'pods'),
    sandboxes: join(path, 'sandboxes'),
    cri: join(path, 'cri'),
    images: imagesPath(path),
    volumes: join(path, 'volumes'),
    pki: join(path, 'pki'),
    kubeconfig: join(path, 'kubeconfig'),
    token: join(path, 'token'),
    tokenKey: join(path, 'pki', 'sa.key'),
    secretKey: secretKeyPath(path),
    nodeName: join(path, 'node-name'),
    auditLog: join(path, 'audit.log'),
  };
  try {
    refuseForeign(path);
    for (const made of [path, directory.store, directory.pods, directory.volumes, directory.pki]) {
      mkdirSync(made, { recursive: true });
      chmodSync(made, 0o700);
    }
    writePrivateFile(join(path, '.writable'), '');
  } catch (error) {
    if (error instanceof StartError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new StartError(`the data directory ${path} cannot be used: ${reasons[code] ?? code}`, { cause: error });
  }
  return directory;
}

/** What a start that did not come to its end can have left, or a new file system. */
const ours = new Set([
  ...['store', 'pods', 'sandboxes', 'cri', 'images', 'volumes', 'pki', 'kubeconfig', 'token', '.writable', 'audit.log'],
  'lost+found',
]);

/**
 * A directory of somebody else's is not filled, and above all not closed to everybody but its owner: `--data-dir /tmp`
 * would take /tmp from all.
 */
function refuseForeign(path: string): void {
  const names = existsSync(path) ? readdirSync(path) : [];
  if (names.includes('node-name') || existsSync(join(path, 'store', 'manifest'))) return;
  const foreign = names.find((name) => !ours.has(name));
  if (foreign === undefined) return;
  throw new StartError(
    `${path} is no data directory of Rondo: it holds ${foreign}; name an empty directory, or one that does not exist yet`,
  );
}

const reasons: Record<string, string> = {
  EACCES: 'no permission to write there',
  EPERM: 'no permission to write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  ENOTDIR: 'a part of the path is not a directory',
  EEXIST: 'a part of the path is not a directory',
};

/**
 * What a file says, or else what `make` says from now on. An empty file counts as none: a machine that lost its power
 * can leave one behind.
 */
export function keptText(path: string, make: () => string): string {
  const kept = readIfThere(path).trim();
  if (kept !== '') return kept;
  const made = make();
  writePrivateFile(path, `${made}\n`);
  return made;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** Writes a file that only its owner may read, whole or not at all. */
export function writePrivateFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}
