import { createHash } from 'node:crypto';
import type { Clock } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import type { ImageRequest, ImageService, ResolvedImage } from '../image-service.ts';
import { RuntimeError } from '../runtime.ts';
import { checked, decompressed } from './blob-stream.ts';
import { credentialsFor } from './credentials.ts';
import { ImageStore, type StoredImage, type StoredName } from './image-store.ts';
import { chooseForPlatform, imageArchitecture, parseConfig, parseManifest, type Manifest } from './manifest.ts';
import { canonicalName, parseReference, type ImageReference } from './reference.ts';
import { Registry } from './registry.ts';
import { unpackLayer } from './unpack-layer.ts';

export interface ImageServiceOptions {
  /** Belongs to images alone. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const wayOut =
  'load it from a file with `rondo image load`, or use the image rondo.dev/host or `--rootfs host` for this machine’s own files';

/** Images from registries, pulled and unpacked here. Unpacking needs root. */
export function createImageService(options: ImageServiceOptions): ImageService {
  return new Images(options);
}

class Images implements ImageService {
  readonly #store: ImageStore;
  readonly #options: ImageServiceOptions;
  /** One pull for all who want the same image at the same time. */
  readonly #pulls = new Map<string, Promise<ResolvedImage>>();

  constructor(options: ImageServiceOptions) {
    this.#options = options;
    this.#store = new ImageStore(options.directory);
    this.#store.clean();
  }

  async ensure({ image, policy, secrets }: ImageRequest): Promise<ResolvedImage> {
    const reference = parseReference(image);
    const known = policy === 'Always' ? undefined : this.#find(canonicalName(reference));
    if (known !== undefined) return known;
    if (policy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      throw new RuntimeError('ErrImageNeverPull', `${message}: ${wayOut}`);
    }
    // Whoever has other credentials asks for itself.
    const key = JSON.stringify([canonicalName(reference), secrets]);
    const pull = this.#pulls.get(key) ?? this.#pull(reference, secrets).finally(() => this.#pulls.delete(key));
    this.#pulls.set(key, pull);
    return pull;
  }

  #find(name: string): ResolvedImage | undefined {
    const stored = this.#store.name(name);
    const image = stored === undefined ? undefined : this.#store.image(stored.id);
    return stored === undefined || image === undefined ? undefined : this.#resolved(image, stored);
  }

  #resolved(image: StoredImage, { repoDigest }: StoredName): ResolvedImage {
    return { id: image.id, repoDigest, layers: this.#store.layersOf(image), config: image.config };
  }

  async #pull(reference: ImageReference, secrets: readonly string[]): Promise<ResolvedImage> {
    const name = canonicalName(reference);
    const { clock, log } = this.#options;
    const startedMs = clock.monotonic();
    const credentials = credentialsFor(reference, secrets);
    try {
      const registry = new Registry({ reference, credentials, clock });
      const { manifest, digest } = await manifestOf(registry, reference.digest ?? reference.tag ?? 'latest');
      const image = this.#store.image(manifest.config.digest) ?? (await describe(registry, manifest));
      const repoDigest = `${reference.registry}/${reference.repository}@${digest}`;
      const stored = { name, id: image.id, repoDigest };
      await this.#store.addImage(image, [stored], () => this.#fetchLayers(registry, manifest, image));
      log.info('image pulled', { image: name, digest, tookMs: Math.round(clock.monotonic() - startedMs) });
      return this.#resolved(image, stored);
    } catch (error) {
      const message = `failed to pull and unpack image "${name}": ${(error as Error).message}; ${wayOut}`;
      throw new RuntimeError('ErrImagePull', message, { cause: error });
    }
  }

  #fetchLayers(registry: Registry, manifest: Manifest, image: StoredImage): Promise<void> {
    return addLayers(this.#store, image, async (index) => {
      const layer = manifest.layers[index];
      if (layer === undefined) throw new Error(`the manifest has no layer ${index}`);
      return checked(await registry.blob(layer.digest), layer.digest, `layer ${index}`);
    });
  }
}

async function describe(registry: Registry, { config: { digest } }: Manifest): Promise<StoredImage> {
  const text = await wholeOf(checked(await registry.blob(digest), digest, 'the configuration'));
  return { id: digest, ...parseConfig(JSON.parse(text.toString())) };
}

/** Unpacks what is missing of an image's layers. `open` gives the bytes of one, compressed or not. */
export async function addLayers(
  store: ImageStore,
  image: StoredImage,
  open: (index: number) => Promise<AsyncIterable<Uint8Array>>,
): Promise<void> {
  const layers = store.layersOf(image);
  for (const [index, diffId] of image.diffIds.entries()) {
    await store.addLayer(layers[index]!, async (directory) => {
      const tar = checked(decompressed(await open(index)), diffId, `layer ${index} without compression`);
      await unpackLayer(tar, directory, layers.slice(0, index));
    });
  }
}

/** The manifest for this machine, and the digest of what the name means (an index, if there is one). */
async function manifestOf(registry: Registry, tagOrDigest: string): Promise<{ manifest: Manifest; digest: string }> {
  const read = async (name: string): Promise<{ document: unknown; digest: string }> => {
    const bytes = await registry.manifest(name);
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    if (name.startsWith('sha256:') && name !== digest) throw new Error(`manifest ${name} has digest ${digest}`);
    return { document: JSON.parse(bytes.toString()), digest };
  };
  const first = await read(tagOrDigest);
  const chosen = chooseForPlatform(first.document, imageArchitecture(process.arch));
  const { document } = chosen === undefined ? first : await read(chosen);
  return { manifest: parseManifest(document), digest: first.digest };
}

/** Configurations are small: more is an attack, or no configuration. */
const maxConfigBytes = 4 << 20;

async function wholeOf(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.length;
    if (length > maxConfigBytes) throw new Error('the configuration is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
