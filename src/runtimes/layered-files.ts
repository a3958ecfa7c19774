import { lstatSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';

/** A container's root before it exists: the image's layers, and what will be mounted over them. */
export interface LayeredRoot {
  /** Lowest first. */
  readonly layers: readonly string[];
  readonly mounts: readonly { readonly target: string; readonly source: string }[];
}

/**
 * The path without links, as seen inside the root: for who mounts from outside, where links would lead astray. What
 * does not exist stays as it is.
 */
export function resolveInside(root: LayeredRoot, path: string): string {
  let resolved = '/';
  const parts = path.split('/').filter((part) => part !== '');
  for (let links = 0; parts.length > 0;) {
    const part = parts.shift()!;
    if (part === '.') continue;
    if (part === '..') {
      resolved = dirname(resolved);
      continue;
    }
    const next = join(resolved, part);
    const found = findInside(root, next);
    if (found?.stats.isSymbolicLink() !== true) {
      resolved = next;
      continue;
    }
    if (++links > 40) throw new Error(`${path}: too many levels of symbolic links`);
    const target = readlinkSync(found.file);
    if (target.startsWith('/')) resolved = '/';
    parts.unshift(...target.split('/').filter((step) => step !== ''));
  }
  return resolved;
}

/** The content of a file of the root; undefined if there is none. */
export function readInside(root: LayeredRoot, path: string): string | undefined {
  const found = findInside(root, resolveInside(root, path));
  return found?.stats.isFile() === true ? readFileSync(found.file, 'utf8') : undefined;
}

export function statInside(root: LayeredRoot, path: string): Stats | undefined {
  return findInside(root, path)?.stats;
}

export function findInside({ layers, mounts }: LayeredRoot, path: string): { file: string; stats: Stats } | undefined {
  const over = mounts
    .filter(({ target }) => path === target || path.startsWith(`${target}/`))
    .reduce<LayeredRoot['mounts'][number] | undefined>(
      (deepest, mount) => (deepest === undefined || mount.target.length >= deepest.target.length ? mount : deepest),
      undefined,
    );
  if (over !== undefined) return lookAt(join(over.source, path.slice(over.target.length)));
  for (const layer of layers.toReversed()) {
    const found = lookAt(join(layer, path));
    // A whiteout hides what lies below.
    if (found?.stats.isCharacterDevice() === true && found.stats.rdev === 0) return undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function lookAt(file: string): { file: string; stats: Stats } | undefined {
  try {
    return { file, stats: lstatSync(file) };
  } catch {
    // Missing, or below something that is no directory.
    return undefined;
  }
}
