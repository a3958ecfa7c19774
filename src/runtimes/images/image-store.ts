import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { ImageDescription } from './manifest.ts';
import { bytesBelow } from './bytes-below.ts';
import { mountedLayers } from './mounted-layers.ts';
import { isAlive, ownMark } from './process-mark.ts';

/** An image as it is kept: `id` is the digest of its configuration. */
export interface StoredImage extends ImageDescription {
  readonly id: string;
}

/** A name of an image. */
export interface StoredName {
  readonly name: string;
  readonly id: string;
  /** `docker.io/library/busybox@sha256:…`; missing for what was loaded from a file. */
  readonly repoDigest?: string | undefined;
  /** Marks of the credentials that it was pulled with: only who has one of them gets it. Missing: everybody. */
  readonly credentials?: readonly string[] | undefined;
}

let serial = 0;

/** Says in its name what somebody's file under `tmp` means: layers that are being put together, or that are being removed. */
const [claimMark, removalMark] = ['.claim', '.removal'];
/** How often, 2 ms apart, others look whether a removal is over. It takes milliseconds; nobody waits for more than two seconds. */
const removalLooks = 1000;

/**
 * Images on disk: one directory per layer, named by the chain of layers that it ends (so that whiteouts can depend on what
 * lies below), one file per image and one per name. Whatever has its final name is whole: everything is made under `tmp`
 * and renamed when it is durable. Several processes may work on it (the engine, and `rondo image`): whoever adds claims its
 * layers first and then lets a removal under way pass, whoever removes says so first and then looks for claims; so one of
 * the two always sees the other.
 */
export class ImageStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    for (const name of ['layers', 'images', 'names', 'tmp'])
      mkdirSync(`${directory}/${name}`, { recursive: true, mode: 0o700 });
  }

  /** Throws away what processes had begun that are no more. */
  async clean(): Promise<void> {
    for (const name of readdirSync(`${this.#directory}/tmp`))
      if (!isOfLiving(name)) await rm(`${this.#directory}/tmp/${name}`, { recursive: true, force: true });
  }

  /** A new directory for whoever prepares something; it is up to the caller to remove it. */
  makeTemporary(): string {
    const directory = this.#temporary();
    mkdirSync(directory, { mode: 0o755 });
    return directory;
  }

  image(id: string): StoredImage | undefined {
    const image = this.#storedImage(id);
    return image !== undefined && this.layersOf(image).every((layer) => existsSync(layer)) ? image : undefined;
  }

  name(name: string): StoredName | undefined {
    return readJson<StoredName>(this.#nameFile(name));
  }

  names(): readonly StoredName[] {
    return readdirSync(`${this.#directory}/names`)
      .map((file) => readJson<StoredName>(`${this.#directory}/names/${file}`))
      .filter((name) => name !== undefined)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The directories of an image's layers, lowest first. */
  layersOf({ diffIds }: Pick<ImageDescription, 'diffIds'>): readonly string[] {
    return chainsOf(diffIds).map((chain) => `${this.#directory}/layers/${chain}`);
  }

  /** Fills a layer's directory, unless it is there. `unpack` gets an empty one; when it rejects nothing is left. */
  async addLayer(directory: string, unpack: (directory: string) => Promise<void>): Promise<void> {
    if (existsSync(directory)) return;
    const temporary = this.makeTemporary();
    try {
      await unpack(temporary);
      // One call for all files of the file system: far cheaper than one for each.
      await promisify(execFile)('sync', ['-f', temporary]);
      moveUnlessThere(temporary, directory);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  /**
   * Adds an image under its names, after `addLayers` has seen to its layers; `names` is asked then. Nobody can take away a
   * part meanwhile.
   */
  async addImage(
    image: StoredImage,
    names: () => readonly StoredName[],
    addLayers: () => Promise<void>,
  ): Promise<void> {
    const claim = `${this.#temporary()}${claimMark}`;
    writeFileSync(claim, JSON.stringify(image), { mode: 0o600 });
    try {
      this.#letRemovalsPass();
      await addLayers();
      this.#write(this.#imageFile(image.id), image);
      for (const name of names()) this.#write(this.#nameFile(name.name), name);
    } finally {
      rmSync(claim, { force: true });
    }
  }

  /**
   * Removes a name, and the image and layers that nothing else needs. False if there is no such name.
   * @throws Error if a running container has the image and no other name would be left of it
   */
  remove(name: string): boolean {
    const stored = this.name(name);
    if (stored === undefined) return false;
    const isLast = this.names().filter(({ id }) => id === stored.id).length === 1;
    if (isLast && this.#isMounted(stored.id)) throw new Error(`image ${name} is used by a running container`);
    rmSync(this.#nameFile(name), { force: true });
    for (const path of this.#setUnneededAside()) rmSync(path, { recursive: true, force: true });
    return true;
  }

  /**
   * Removes an image with all its names, and the layers that nothing else needs; gives the bytes that became free. It is
   * gone at once, its files while others go on.
   * @throws (rejects) Error if a running container has it
   */
  async removeImage(id: string): Promise<number> {
    const names = this.names().filter((stored) => stored.id === id);
    if (this.#isMounted(id)) throw new Error(`image ${names[0]?.name ?? id} is used by a running container`);
    for (const { name } of names) rmSync(this.#nameFile(name), { force: true });
    let freedBytes = 0;
    for (const path of this.#setUnneededAside()) {
      freedBytes += await bytesBelow(path);
      await rm(path, { recursive: true, force: true });
    }
    return freedBytes;
  }

  #isMounted(id: string): boolean {
    const image = this.#storedImage(id);
    const top = image === undefined ? undefined : chainsOf(image.diffIds).at(-1);
    return top !== undefined && mountedLayers(this.#directory).uppermost.has(top);
  }

  /** Images without a name, and layers without an image, a container or somebody who is about to need them: gives where they lie now. */
  #setUnneededAside(): readonly string[] {
    const mark = `${this.#temporary()}${removalMark}`;
    const unneeded: string[] = [];
    writeFileSync(mark, '', { mode: 0o600 });
    try {
      const claimed = this.#marks(claimMark).flatMap((file) => readJson<StoredImage>(file) ?? []);
      const ids = new Set([...this.names().map(({ id }) => id), ...claimed.map(({ id }) => id)]);
      const named = [...ids].flatMap((id) => this.#storedImage(id) ?? []);
      const needed = new Set([...named, ...claimed].flatMap(({ diffIds }) => chainsOf(diffIds)));
      for (const chain of mountedLayers(this.#directory).all) needed.add(chain);
      for (const file of readdirSync(`${this.#directory}/images`))
        if (!ids.has(`sha256:${file}`)) unneeded.push(this.#setAside(`images/${file}`));
      for (const chain of readdirSync(`${this.#directory}/layers`))
        if (!needed.has(chain)) unneeded.push(this.#setAside(`layers/${chain}`));
    } finally {
      rmSync(mark, { force: true });
    }
    return unneeded;
  }

  /** Takes something out of its place at once; removing it may take long. */
  #setAside(path: string): string {
    const aside = this.#temporary();
    renameSync(`${this.#directory}/${path}`, aside);
    return aside;
  }

  /** Removals of other processes; one of our own is over before anything else runs. */
  #letRemovalsPass(): void {
    for (let i = 0; i < removalLooks && this.#marks(removalMark).length > 0; i++) Atomics.wait(waiting, 0, 0, 2);
  }

  /** Marks of one kind whose process lives, our own too. */
  #marks(mark: string): readonly string[] {
    return readdirSync(`${this.#directory}/tmp`)
      .filter((name) => name.endsWith(mark) && isOfLiving(name))
      .map((name) => `${this.#directory}/tmp/${name}`);
  }

  /** Also an image that lacks layers: what is left of it is still its own. */
  #storedImage(id: string): StoredImage | undefined {
    return readJson<StoredImage>(this.#imageFile(id));
  }

  #imageFile(id: string): string {
    return `${this.#directory}/images/${id.slice('sha256:'.length)}`;
  }

  #nameFile(name: string): string {
    return `${this.#directory}/names/${hashOf(name)}`;
  }

  #temporary(): string {
    return `${this.#directory}/tmp/${ownMark()}_${serial++}`;
  }

  #write(file: string, value: object): void {
    const temporary = this.#temporary();
    writeFileSync(temporary, JSON.stringify(value), { flush: true, mode: 0o600 });
    renameSync(temporary, file);
  }
}

/** As OCI's ChainID: what a layer is on top of all below it. */
function chainsOf(diffIds: readonly string[]): readonly string[] {
  const chains: string[] = [];
  for (const diffId of diffIds) {
    const below = chains.at(-1);
    chains.push(below === undefined ? diffId.slice('sha256:'.length) : hashOf(`sha256:${below} ${diffId}`));
  }
  return chains;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Another process may have made the same layer meanwhile. */
function moveUnlessThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

/** Nobody ever wakes it. */
const waiting = new Int32Array(new SharedArrayBuffer(4));

/** Files under `tmp` begin with the mark of the process that made them. */
function isOfLiving(name: string): boolean {
  return isAlive(name.split('_')[0]!);
}
