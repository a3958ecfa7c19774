import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { ImageDescription } from './manifest.ts';

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
}

let serial = 0;

/**
 * Images on disk: one directory per layer, named by the chain of layers that it ends (so that whiteouts can depend on what
 * lies below), one file per image and one per name. Whatever has its final name is whole: everything is made under `tmp`
 * and renamed when it is durable.
 */
export class ImageStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    for (const name of ['layers', 'images', 'names', 'tmp'])
      mkdirSync(`${directory}/${name}`, { recursive: true, mode: 0o700 });
  }

  /** Throws away what processes had begun that are no more. */
  clean(): void {
    for (const name of readdirSync(`${this.#directory}/tmp`))
      if (!isAlive(Number.parseInt(name, 10))) rmSync(`${this.#directory}/tmp/${name}`, { recursive: true });
  }

  /** A new directory for whoever prepares something; it is up to the caller to remove it. */
  makeTemporary(): string {
    const directory = this.#temporary();
    mkdirSync(directory, { mode: 0o755 });
    return directory;
  }

  image(id: string): StoredImage | undefined {
    const image = readJson<StoredImage>(this.#imageFile(id));
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
      rmSync(temporary, { recursive: true, force: true });
    }
  }

  /** When the layers are there. */
  addImage(image: StoredImage, name: StoredName): void {
    this.#write(this.#imageFile(image.id), image);
    this.#write(this.#nameFile(name.name), name);
  }

  /** Removes a name, and the image and layers that no other name needs. False if there is no such name. */
  remove(name: string): boolean {
    if (this.name(name) === undefined) return false;
    rmSync(this.#nameFile(name));
    this.prune();
    return true;
  }

  /** Removes images without a name, and layers without an image. */
  prune(): void {
    const ids = new Set(this.names().map(({ id }) => id));
    const layers = new Set([...ids].flatMap((id) => this.layersOf(this.image(id) ?? { diffIds: [] })));
    for (const file of readdirSync(`${this.#directory}/images`))
      if (!ids.has(`sha256:${file}`)) rmSync(`${this.#directory}/images/${file}`);
    for (const chain of readdirSync(`${this.#directory}/layers`)) {
      const layer = `${this.#directory}/layers/${chain}`;
      if (!layers.has(layer)) rmSync(layer, { recursive: true });
    }
  }

  #imageFile(id: string): string {
    return `${this.#directory}/images/${id.slice('sha256:'.length)}`;
  }

  #nameFile(name: string): string {
    return `${this.#directory}/names/${hashOf(name)}`;
  }

  #temporary(): string {
    return `${this.#directory}/tmp/${process.pid}-${serial++}`;
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

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
