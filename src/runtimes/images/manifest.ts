import type { ImageConfig } from '../image-service.ts';

/** A blob of an image, as manifests name it. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Types that are asked for: lists of images by platform, and images. */
export const manifestTypes: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** What is kept of a configuration. */
export interface ImageDescription {
  readonly config: ImageConfig;
  /** Digests of the layers without compression, lowest first. */
  readonly diffIds: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/** The image for this machine in an index; undefined if the document is an image already. @throws Error if there is none */
export function chooseForPlatform(document: unknown, architecture: string): string | undefined {
  const { manifests } = objectOf(document, 'manifest');
  if (!Array.isArray(manifests)) return undefined;
  const offers: string[] = [];
  for (const entry of manifests as unknown[]) {
    const { digest, platform } = objectOf(entry, 'entry of the index');
    const { os, architecture: offered } = objectOf(platform ?? {}, 'platform');
    if (os === 'linux' && offered === architecture) return digestOf(digest);
    offers.push(`${String(os)}/${String(offered)}`);
  }
  throw new Error(`no match for platform linux/${architecture} in manifest: there are ${offers.join(', ')}`);
}

/** @throws Error if it is not the manifest of an image */
export function parseManifest(document: unknown): Manifest {
  const { config, layers } = objectOf(document, 'manifest');
  if (!Array.isArray(layers)) throw new Error('the manifest has no layers');
  return { config: descriptorOf(config), layers: layers.map(descriptorOf) };
}

/** @throws Error if it is not the configuration of an image */
export function parseConfig(document: unknown): ImageDescription {
  const { config = {}, rootfs } = objectOf(document, 'configuration');
  const diffIds = objectOf(rootfs, 'rootfs')['diff_ids'];
  if (!Array.isArray(diffIds)) throw new Error('the configuration names no layers');
  const fields = objectOf(config ?? {}, 'config');
  const stopSignal = textOf(fields['StopSignal']);
  return {
    diffIds: diffIds.map(digestOf),
    config: {
      entrypoint: textsOf(fields['Entrypoint']),
      cmd: textsOf(fields['Cmd']),
      env: textsOf(fields['Env']),
      user: textOf(fields['User']),
      workingDir: textOf(fields['WorkingDir']),
      ...(stopSignal !== '' && { stopSignal }),
    },
  };
}

/** Node's name of an architecture in the words of images. */
export function imageArchitecture(name: string): string {
  return { x64: 'amd64', ia32: '386' }[name] ?? name;
}

function descriptorOf(value: unknown): Descriptor {
  const { mediaType, digest, size } = objectOf(value, 'descriptor');
  if (typeof size !== 'number') throw new Error('a descriptor has no size');
  return { mediaType: textOf(mediaType), digest: digestOf(digest), size };
}

/** Only SHA-256 is spoken; the form also makes it safe as a file name. */
export function digestOf(value: unknown): string {
  if (typeof value === 'string' && /^sha256:[a-f0-9]{64}$/.test(value)) return value;
  throw new Error(`${JSON.stringify(value)} is not a SHA-256 digest`);
}

function objectOf(value: unknown, what: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new Error(`the ${what} is not an object`);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
