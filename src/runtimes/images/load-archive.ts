import { createReadStream, existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { extract } from 'tar';
import { addLayers, type PackedLayer } from './add-layers.ts';
import { diskOf } from './image-keep.ts';
import { ImageStore, type StoredName } from './image-store.ts';
import { chooseForPlatform, digestOf, imageArchitecture, parseConfig, parseManifest } from './manifest.ts';
import { canonicalName, parseReference } from '../image-reference.ts';

/** Where an image in an archive has its parts. */
interface Found {
  readonly names: readonly string[];
  readonly config: string;
  readonly layers: readonly string[];
}

/**
 * Loads the images of an archive: what `docker save` writes, or an OCI layout in a tar file. Returns the names that now
 * mean an image. Needs root.
 * @throws Error if the file is neither, or damaged
 */
export async function loadImages(directory: string, file: string): Promise<readonly string[]> {
  const store = new ImageStore(directory);
  const unpacked = store.makeTemporary();
  try {
    await extract({ file, cwd: unpacked, strict: true, filter: (_path, entry) => isPlain(entry) });
    const found = imagesIn(unpacked);
    if (found.length === 0) throw new Error('it holds no image with a name');
    for (const image of found) await add(store, unpacked, image);
    return found.flatMap(({ names }) => names);
  } catch (error) {
    throw new Error(`${file} cannot be loaded: ${(error as Error).message}`, { cause: error });
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
  }
}

/** All images by name. */
export function listImages(directory: string): readonly StoredName[] {
  return new ImageStore(directory).names();
}

/**
 * False if there is no image of this name.
 * @throws RuntimeError if it is no name of an image, Error if a running container has it
 */
export function removeImage(directory: string, name: string): boolean {
  return new ImageStore(directory).remove(canonicalName(parseReference(name)));
}

/** Archives hold files and directories; links could lead anywhere. */
function isPlain(entry: object): boolean {
  return !('type' in entry) || ['File', 'OldFile', 'ContiguousFile', 'Directory'].includes(String(entry.type));
}

function imagesIn(root: string): Found[] {
  if (existsSync(join(root, 'manifest.json'))) return dockerImages(root);
  if (existsSync(join(root, 'index.json'))) return ociImages(root);
  throw new Error('it is neither a docker archive (manifest.json) nor an OCI layout (index.json)');
}

function dockerImages(root: string): Found[] {
  const entries = readJson(root, 'manifest.json') as { Config: string; RepoTags?: string[] | null; Layers: string[] }[];
  return entries
    .filter(({ RepoTags }) => (RepoTags ?? []).length > 0)
    .map(({ Config, RepoTags, Layers }) => ({ names: RepoTags ?? [], config: Config, layers: Layers }));
}

function ociImages(root: string): Found[] {
  const { manifests } = readJson(root, 'index.json') as {
    manifests: { digest: string; annotations?: Readonly<Record<string, string>> }[];
  };
  return manifests.flatMap(({ digest, annotations }) => {
    const name = annotations?.['io.containerd.image.name'] ?? annotations?.['org.opencontainers.image.ref.name'];
    if (name === undefined) return [];
    const first = readJson(root, blobPath(digest));
    const chosen = chooseForPlatform(first, imageArchitecture(process.arch));
    const manifest = parseManifest(chosen === undefined ? first : readJson(root, blobPath(chosen)));
    const layers = manifest.layers.map((layer) => blobPath(layer.digest));
    return [{ names: [name], config: blobPath(manifest.config.digest), layers }];
  });
}

async function add(store: ImageStore, root: string, { names, config, layers }: Found): Promise<void> {
  const bytes = readFileSync(inside(root, config));
  const id = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const image = { id, ...parseConfig(JSON.parse(bytes.toString())) };
  if (layers.length !== image.diffIds.length) throw new Error('configuration and archive differ in their layers');
  const stored = names.map((name) => ({ name: canonicalName(parseReference(name)), id }));
  await store.addImage(
    image,
    () => stored,
    () =>
      addLayers(image, { store, open: (index) => openFile(inside(root, layers[index]!)), disk: () => diskOf(root) }),
  );
}

function openFile(file: string): PackedLayer {
  return { bytes: createReadStream(file), packedBytes: statSync(file).size };
}

function blobPath(digest: string): string {
  return `blobs/sha256/${digestOf(digest).slice('sha256:'.length)}`;
}

function readJson(root: string, path: string): unknown {
  return JSON.parse(readFileSync(inside(root, path), 'utf8'));
}

function inside(root: string, path: string): string {
  if (path.startsWith('/') || path.split('/').includes('..')) throw new Error(`${path} leads out of the archive`);
  return join(root, path);
}
