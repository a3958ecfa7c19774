import { createHash } from 'node:crypto';
import type { Clock } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import type {
  DiskFigures,
  ImageKeep,
  ImageRequest,
  ImageService,
  PulledImage,
  ResolvedImage,
} from '../image-service.ts';
import { RuntimeError } from '../runtime.ts';
import { canonicalName, parseReference, type ImageReference } from '../image-reference.ts';
import { credentialsFor, credentialsMark, type Credentials } from '../registry-credentials.ts';
import { SharedWork, Turns } from '../shared-work.ts';
import { addLayers, type PackedLayer } from './add-layers.ts';
import { checked } from './blob-stream.ts';
import { diskOf, keptImages } from './image-keep.ts';
import { ImageStore, type StoredImage, type StoredName } from './image-store.ts';
import { chooseForPlatform, imageArchitecture, parseConfig, parseManifest, type Manifest } from './manifest.ts';
import { RefusedError, Registry } from './registry.ts';

export interface ImageServiceOptions {
  /** Belongs to images alone. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: asks the file system of the directory. */
  readonly disk?: (() => Promise<DiskFigures>) | undefined;
  /** What any layer may unpack to, however small it is. Default: 1 GiB. */
  readonly allowedBytes?: number | undefined;
}

const wayOut =
  'load it from a file with `rondo image load`, or use the image rondo.dev/host or `--rootfs host` for this machine’s own files';

/** Images from registries, pulled and unpacked here. Unpacking needs root. */
export function createImageService(options: ImageServiceOptions): ImageService {
  return new Images(options);
}

/** How many images are pulled at once, and from one registry: a slow one must leave room for the others. */
const [pullsAtOnce, pullsOfOneRegistry] = [16, 4];

class Images implements ImageService {
  readonly #store: ImageStore;
  readonly #options: ImageServiceOptions;
  readonly #pulls = new SharedWork<ResolvedImage & PulledImage>();
  readonly #turns = new Turns(pullsAtOnce);
  readonly #registryTurns = new Map<string, Turns>();
  readonly keep: ImageKeep;

  constructor(options: ImageServiceOptions) {
    this.#options = options;
    const { directory, disk = () => diskOf(directory) } = options;
    this.keep = {
      list: () => Promise.resolve(keptImages(this.#store.names())),
      remove: (id) => this.#store.removeImage(id),
      disk,
    };
    this.#store = new ImageStore(options.directory);
    this.#store.clean().catch((error: unknown) => options.log.warn('leftovers of images stay', { error }));
  }

  async find({ image, secrets }: ImageRequest): Promise<ResolvedImage | undefined> {
    const reference = parseReference(image);
    const stored = this.#store.name(canonicalName(reference));
    const kept = stored === undefined ? undefined : this.#store.image(stored.id);
    if (stored === undefined || kept === undefined) return undefined;
    const marks = credentialsFor(reference, secrets).map(credentialsMark);
    const mayHave = stored.credentials === undefined || marks.some((mark) => stored.credentials?.includes(mark));
    return mayHave ? this.#resolved(kept, stored) : undefined;
  }

  async pull({ image, secrets }: ImageRequest, signal: AbortSignal): Promise<ResolvedImage & PulledImage> {
    const reference = parseReference(image);
    // Whoever has other credentials asks for itself.
    const key = JSON.stringify([canonicalName(reference), secrets]);
    return this.#pulls.join(key, signal, (shared) =>
      this.#turnsOf(reference).take(shared, () =>
        this.#turns.take(shared, () => this.#pull(reference, { secrets, signal: shared })),
      ),
    );
  }

  #turnsOf({ registry }: ImageReference): Turns {
    let turns = this.#registryTurns.get(registry);
    if (turns === undefined) this.#registryTurns.set(registry, (turns = new Turns(pullsOfOneRegistry)));
    return turns;
  }

  #resolved(image: StoredImage, { repoDigest }: StoredName): ResolvedImage {
    return { id: image.id, ref: repoDigest ?? image.id, layers: this.#store.layersOf(image), config: image.config };
  }

  /** With one credentials after the other, until the registry refuses none. */
  async #pull(reference: ImageReference, { secrets, signal }: PullContext): Promise<ResolvedImage & PulledImage> {
    const found = credentialsFor(reference, secrets);
    const messages = new Set<string>();
    let cause: unknown;
    for (const credentials of found.length === 0 ? [undefined] : found) {
      const over = new AbortController();
      const { clock } = this.#options;
      const registry = new Registry({
        ...{ reference, credentials, clock },
        signal: AbortSignal.any([signal, over.signal]),
      });
      try {
        return await this.#pullFrom(registry, reference, credentials);
      } catch (error) {
        signal.throwIfAborted();
        cause = error;
        messages.add((error as Error).message);
        if (!(error instanceof RefusedError)) break;
      } finally {
        // Closes what is still open of a pull that has failed.
        over.abort();
      }
    }
    const why = messages.size === 1 ? [...messages][0] : `[${[...messages].join(', ')}]`;
    const message = `failed to pull and unpack image "${canonicalName(reference)}": ${why}; ${wayOut}`;
    throw new RuntimeError('ErrImagePull', message, { cause });
  }

  async #pullFrom(
    registry: Registry,
    reference: ImageReference,
    credentials: Credentials | undefined,
  ): Promise<ResolvedImage & PulledImage> {
    const { clock, log } = this.#options;
    const startedMs = clock.monotonic();
    const name = canonicalName(reference);
    const { manifest, digest } = await manifestOf(registry, reference.digest ?? reference.tag ?? 'latest');
    const image = this.#store.image(manifest.config.digest) ?? (await describe(registry, manifest));
    const stored = (): StoredName => ({
      name,
      id: image.id,
      repoDigest: `${reference.registry}/${reference.repository}@${digest}`,
      credentials: this.#marksOf(name, image.id, registry.usedCredentials ? credentials : undefined),
    });
    await this.#store.addImage(
      image,
      () => [stored()],
      () => this.#fetchLayers(registry, manifest, image),
    );
    const tookMs = clock.monotonic() - startedMs;
    log.info('image pulled', { image: name, digest, tookMs: Math.round(tookMs) });
    return { ...this.#resolved(image, stored()), sizeBytes: sizeOf(manifest), tookMs };
  }

  /** Whoever could have an image of this name before can have it still, as long as the name means the same. */
  #marksOf(name: string, id: string, credentials: Credentials | undefined): readonly string[] | undefined {
    const before = this.#store.name(name);
    if (credentials === undefined || (before?.id === id && before.credentials === undefined)) return undefined;
    return [...new Set([...(before?.id === id ? (before.credentials ?? []) : []), credentialsMark(credentials)])];
  }

  #fetchLayers(registry: Registry, manifest: Manifest, image: StoredImage): Promise<void> {
    const open = (index: number): PackedLayer => {
      const layer = manifest.layers[index];
      if (layer === undefined) throw new Error(`the manifest has no layer ${index}`);
      return { bytes: checked(registry.blob(layer), layer.digest, `layer ${index}`), packedBytes: layer.size };
    };
    const { allowedBytes } = this.#options;
    return addLayers(image, { store: this.#store, open, disk: () => this.keep.disk(), allowedBytes });
  }
}

interface PullContext {
  readonly secrets: readonly string[];
  /** Aborted when nobody wants the image any more. */
  readonly signal: AbortSignal;
}

function sizeOf({ config, layers }: Manifest): number {
  return layers.reduce((sum, { size }) => sum + size, config.size);
}

async function describe(registry: Registry, { config }: Manifest): Promise<StoredImage> {
  const text = await wholeOf(checked(registry.blob(config), config.digest, 'the configuration'));
  return { id: config.digest, ...parseConfig(JSON.parse(text.toString())) };
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
