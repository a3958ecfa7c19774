import { execFile } from 'node:child_process';
import { lstatSync, readdirSync } from 'node:fs';
import { chmod, copyFile, lchown, link, lutimes, mkdir, open, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Parser, type ReadEntry } from 'tar';
import { findInside, resolveInside } from '../layered-files.ts';
import type { UnpackBudget } from './unpack-budget.ts';

const whiteoutPrefix = '.wh.';
const opaqueMarker = '.wh..wh..opq';
/** How many names one command takes. */
const whiteoutsAtOnce = 200;
/** Of headers that go before an entry (long names); more is an attack. */
const maxMetaEntrySize = 1 << 20;

export interface UnpackOptions {
  /** The directories of the layers below, lowest first. */
  readonly below: readonly string[];
  readonly budget: UnpackBudget;
}

/**
 * Unpacks the tar stream of one layer into an empty directory, in the form that overlayfs wants over the layers below it:
 * a whiteout becomes a character device 0/0, and an opaque directory whiteouts of all that lies below.
 * Every path is followed as the finished root would, never through a link to the outside. Devices and FIFOs are left
 * out: containers have a /dev of their own. Extended attributes are lost. Needs root.
 * @throws (rejects) Error for a damaged archive, or one that leads out or is too large
 */
export async function unpackLayer(
  tar: AsyncIterable<Uint8Array>,
  directory: string,
  { below, budget }: UnpackOptions,
): Promise<void> {
  const layer = new Layer(directory, below, budget);
  // Entries come one after the other: the next waits until this one is consumed.
  let last: Promise<void> = Promise.resolve();
  let current: ReadEntry | undefined;
  let failed: Error | undefined;
  const take = async (entry: ReadEntry): Promise<void> => {
    current = entry;
    // Whoever waits for its content hears of it as well.
    entry.on('error', () => undefined);
    try {
      await layer.take(entry);
    } catch (error) {
      failed ??= error as Error;
      entry.resume();
    }
    current = undefined;
  };
  const onReadEntry = (entry: ReadEntry): void => void (last = last.then(() => take(entry)));
  const parser = new Parser({ strict: true, maxMetaEntrySize, onReadEntry });
  try {
    await feed(parser, budget.limited(tar), () => failed);
  } catch (error) {
    // The rest of the entry that is being written will not come.
    current?.destroy(error);
    await last;
    throw error;
  }
  await last;
  if (failed !== undefined) throw failed;
  await layer.finish();
}

/** Gives a parser the whole archive, at its pace. */
async function feed(parser: Parser, tar: AsyncIterable<Uint8Array>, problem: () => Error | undefined): Promise<void> {
  const ended = new Promise<void>((resolve, reject) => {
    parser.on('end', resolve);
    parser.on('error', reject);
  });
  ended.catch(() => undefined);
  for await (const chunk of tar) {
    const failed = problem();
    if (failed !== undefined) throw failed;
    if (!parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)))
      await Promise.race([new Promise((resolve) => parser.once('drain', resolve)), ended]);
  }
  parser.end();
  await ended;
}

class Layer {
  readonly #directory: string;
  readonly #below: readonly string[];
  readonly #budget: UnpackBudget;
  readonly #whiteouts: string[] = [];
  readonly #opaque: string[] = [];
  readonly #times: { readonly path: string; readonly time: Date }[] = [];

  constructor(directory: string, below: readonly string[], budget: UnpackBudget) {
    this.#directory = directory;
    this.#below = below;
    this.#budget = budget;
  }

  async take(entry: ReadEntry): Promise<void> {
    this.#budget.takeEntry();
    const parts = partsOf(entry.path);
    const name = parts.pop();
    if (name === undefined) {
      if (entry.type === 'Directory') await chmod(this.#directory, modeOf(entry));
      entry.resume();
      return;
    }
    const parent = await this.#parent(parts);
    if (name === opaqueMarker) this.#opaque.push(parent);
    else if (name.startsWith(whiteoutPrefix)) this.#hide(parent, name.slice(whiteoutPrefix.length));
    else return this.#make(entry, join(parent, name));
    entry.resume();
  }

  /** Whiteouts and times come last: an archive may name what it removes before or after what it puts there. */
  async finish(): Promise<void> {
    const hidden = new Set(this.#whiteouts);
    for (const parent of this.#opaque) this.#hideBelow(parent, hidden);
    const files = [...hidden].map((path) => this.#inside(path)).filter((file) => !isThere(file));
    for (let from = 0; from < files.length; from += whiteoutsAtOnce)
      await makeWhiteouts(files.slice(from, from + whiteoutsAtOnce));
    for (const { path, time } of this.#times.toReversed()) if (isThere(path)) await lutimes(path, time, time);
  }

  /** At every depth: a directory that this layer makes anew below an opaque one keeps nothing of its former content. */
  #hideBelow(directory: string, hidden: Set<string>): void {
    const names = new Set<string>();
    for (const lower of this.#below) {
      const path = join(lower, directory);
      if (isDirectory(path)) for (const name of readdirSync(path)) names.add(name);
    }
    for (const name of names) {
      const path = join(directory, name);
      if (isDirectory(this.#inside(path))) this.#hideBelow(path, hidden);
      else hidden.add(path);
    }
  }

  #hide(parent: string, name: string): void {
    if (name === '' || name === '.' || name === '..') throw new Error(`a whiteout of ${JSON.stringify(name)}`);
    // What AUFS kept for itself hides nothing.
    if (!name.startsWith(whiteoutPrefix)) this.#whiteouts.push(join(parent, name));
  }

  async #make(entry: ReadEntry, path: string): Promise<void> {
    const file = this.#inside(path);
    const isDirectory = entry.type === 'Directory' || entry.type === 'GNUDumpDir';
    const there = isThere(file) ? lstatSync(file) : undefined;
    if (there !== undefined && !(isDirectory && there.isDirectory())) await rm(file, { recursive: true });
    switch (entry.type) {
      case 'File':
      case 'OldFile':
      case 'ContiguousFile':
        await writeContent(entry, file);
        break;
      case 'Directory':
      case 'GNUDumpDir':
        if (there?.isDirectory() !== true) await mkdir(file);
        break;
      case 'SymbolicLink':
        await symlink(entry.linkpath ?? '', file);
        break;
      case 'Link':
        entry.resume();
        return this.#hardLink(entry.linkpath ?? '', file);
      case 'CharacterDevice':
      case 'BlockDevice':
      case 'FIFO':
        entry.resume();
        return;
      default:
        throw new Error(`${entry.path}: entries of type ${entry.type} are unknown`);
    }
    entry.resume();
    await lchown(file, entry.uid ?? 0, entry.gid ?? 0);
    // After the owner, whose change takes set-user-id bits away.
    if (entry.type !== 'SymbolicLink') await chmod(file, modeOf(entry));
    if (entry.mtime !== undefined) this.#times.push({ path: file, time: entry.mtime });
  }

  /** To a file of this layer; one of a layer below is copied up first. */
  async #hardLink(target: string, file: string): Promise<void> {
    const parts = partsOf(target);
    const name = parts.pop() ?? '';
    const path = join(await this.#parent(parts), name);
    const found = findInside(this.#root(), path);
    if (found === undefined || found.stats.isDirectory()) throw new Error(`${target}: no such file to link to`);
    const source = this.#inside(path);
    if (found.file !== source) {
      if (!found.stats.isFile()) throw new Error(`${target}: no file to link to`);
      this.#budget.take(found.stats.size);
      await copyFile(found.file, source);
      await lchown(source, found.stats.uid, found.stats.gid);
      await chmod(source, found.stats.mode & 0o7777);
    }
    await link(source, file);
  }

  /**
   * The directory with these names, made here if it only lies below. Links lead where they would in the root.
   * @returns its path inside the root
   */
  async #parent(parts: readonly string[]): Promise<string> {
    const path = resolveInside(this.#root(), `/${parts.join('/')}`);
    let made = '/';
    for (const part of path.split('/').filter((step) => step !== '')) {
      made = join(made, part);
      const file = this.#inside(made);
      if (isThere(file)) {
        if (!lstatSync(file).isDirectory()) throw new Error(`${made} is no directory`);
        continue;
      }
      const lower = findInside({ layers: this.#below, mounts: [] }, made)?.stats;
      await mkdir(file);
      if (lower?.isDirectory() !== true) continue;
      await lchown(file, lower.uid, lower.gid);
      await chmod(file, lower.mode & 0o7777);
    }
    return path;
  }

  #root(): Parameters<typeof resolveInside>[0] {
    return { layers: [...this.#below, this.#directory], mounts: [] };
  }

  #inside(path: string): string {
    return join(this.#directory, path);
  }
}

async function writeContent(entry: ReadEntry, file: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  // The iteration would wait for ever if the entry was given up while nobody read it.
  const checkWhole = (): void => {
    if (entry.destroyed) throw new Error(`${entry.path} is cut off`);
  };
  try {
    checkWhole();
    for await (const chunk of entry) {
      await handle.write(chunk);
      checkWhole();
    }
  } finally {
    await handle.close();
  }
}

/** The names of a path, without what means nothing. @throws Error for one that leads upwards */
function partsOf(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || path.includes('\0')) throw new Error(`${JSON.stringify(path)} leads out of the layer`);
  return parts;
}

function modeOf(entry: ReadEntry): number {
  return (entry.mode ?? 0o755) & 0o7777;
}

function isDirectory(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** Node cannot make devices; mknod(1) is wherever root is. */
async function makeWhiteouts(files: readonly string[]): Promise<void> {
  for (const file of new Set(files.map((path) => dirname(path)))) await mkdir(file, { recursive: true });
  await promisify(execFile)('sh', ['-ec', 'for file; do mknod -- "$file" c 0 0; done', 'sh', ...files]);
}
