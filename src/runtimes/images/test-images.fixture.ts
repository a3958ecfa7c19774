import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An entry of an archive; `content` makes it a file. */
export interface TarEntry {
  readonly name: string;
  readonly content?: string | Buffer;
  readonly type?: 'file' | 'directory' | 'symlink' | 'link' | 'fifo';
  readonly target?: string;
  readonly mode?: number;
  readonly uid?: number;
}

const typeFlags = { file: '0', link: '1', symlink: '2', directory: '5', fifo: '6' };

/** An archive as any tool may have written it, also one that means harm: its names and links are taken as they are. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content ?? '');
    const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
    return [headerOf(entry, content.length), content, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function headerOf({ name, type = 'file', target = '', mode = 0o644, uid = 0 }: TarEntry, size: number): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, at: number, digits: number): void => {
    header.write(value.toString(8).padStart(digits, '0'), at);
  };
  header.write(name, 0, 100);
  octal(mode, 100, 7);
  octal(uid, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(1_700_000_000, 136, 11);
  header.write('        ', 148);
  header.write(typeFlags[type], 156);
  header.write(target, 157, 100);
  header.write('ustar\u000000', 257);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  header[154] = 0;
  return header;
}

export function digest(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export interface TestLayer {
  readonly tar: Buffer;
  /** As it lies in the registry; default: as it is. */
  readonly blob?: Buffer;
}

/** The parts of an image: its manifest, and all blobs by digest. */
export interface TestImage {
  readonly manifest: Buffer;
  readonly config: Buffer;
  readonly blobs: Map<string, Buffer>;
}

export function imageOf(layers: readonly TestLayer[], config: object = {}): TestImage {
  const described = {
    architecture: 'amd64',
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => digest(tar)) },
  };
  const configBytes = Buffer.from(JSON.stringify(described));
  const blobs = layers.map(({ tar, blob = tar }) => blob);
  const descriptor = (bytes: Buffer, mediaType: string): object => ({
    mediaType,
    digest: digest(bytes),
    size: bytes.length,
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor(configBytes, 'application/vnd.oci.image.config.v1+json'),
    layers: blobs.map((blob) => descriptor(blob, 'application/vnd.oci.image.layer.v1.tar')),
  };
  return {
    manifest: Buffer.from(JSON.stringify(manifest)),
    config: configBytes,
    blobs: new Map([configBytes, ...blobs].map((bytes) => [digest(bytes), bytes])),
  };
}

/** The far end of a pull: a registry on loopback that answers from memory. */
export class TestRegistry {
  readonly manifests = new Map<string, Buffer>();
  readonly blobs = new Map<string, Buffer>();
  /** Paths that were asked for. */
  readonly requests: string[] = [];
  /** Answers a request in the place of the registry; false: it does not want to. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.requests.push(request.url ?? '');
      if (!this.intercept(request, response)) this.#answer(request, response);
    });
  }

  static async start(): Promise<TestRegistry> {
    const registry = new TestRegistry();
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  push(name: string, image: TestImage): void {
    this.manifests.set(name, image.manifest);
    this.manifests.set(digest(image.manifest), image.manifest);
    for (const [id, blob] of image.blobs) this.blobs.set(id, blob);
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #answer({ url = '' }: IncomingMessage, response: ServerResponse): void {
    const [, kind, reference = ''] = /\/(manifests|blobs)\/([^/]+)$/.exec(url) ?? [];
    const bytes = (kind === 'manifests' ? this.manifests : this.blobs).get(reference);
    response.writeHead(bytes === undefined ? 404 : 200, kind === 'manifests' ? describe(bytes) : {});
    response.end(bytes ?? '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
  }
}

/** What clients that ask for the head of a manifest first go by. */
function describe(manifest: Buffer | undefined): Record<string, string> {
  if (manifest === undefined) return {};
  // Not as JSON: some tests push what is none.
  const type = /"mediaType":"([^"]+)"/.exec(manifest.toString())?.[1];
  return {
    'content-type': type ?? 'application/vnd.oci.image.manifest.v1+json',
    'content-length': String(manifest.length),
    'docker-content-digest': digest(manifest),
  };
}
