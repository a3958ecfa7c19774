import { sleep } from '../../clock/index.ts';
import type { ImageReference } from '../image-reference.ts';
import type { Credentials } from '../registry-credentials.ts';
import { ConnectionError, httpGet, type Answer, type GetContext } from './http-get.ts';
import { manifestTypes, type Descriptor } from './manifest.ts';

export interface RegistryOptions extends GetContext {
  readonly reference: ImageReference;
  readonly credentials: Credentials | undefined;
}

/** Manifests are small: more is an attack, or no manifest. */
const maxManifestBytes = 4 << 20;
const maxTokenBytes = 1 << 20;
/** Of what a registry says about an error. */
const maxErrorBytes = 300;
/** How long to wait before each new try of a blob whose connection broke. */
const cutDelaysMs = [500, 1000, 2000, 4000];

/** The registry knows no such thing, or shows it to others only: which of the two, many do not tell. */
export class RefusedError extends Error {}

/** Bad request is what some answer to a password that is none. */
const refusals = [400, 401, 403, 404];

/** Reads one repository of a registry (OCI distribution specification). Methods throw Error with the reason. */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #base: string;
  #authorization: string | undefined;
  #usedCredentials = false;

  constructor(options: RegistryOptions) {
    const { registry, repository } = options.reference;
    this.#options = options;
    const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
    // Only on this machine nobody listens between.
    const scheme = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(host) ? 'http' : 'https';
    this.#base = `${scheme}://${host}/v2/${repository}`;
  }

  /** Whether it was asked for credentials, and got some. */
  get usedCredentials(): boolean {
    return this.#usedCredentials;
  }

  /** The bytes of a manifest, by tag or digest. */
  async manifest(reference: string): Promise<Buffer> {
    const answer = await this.#get(`/manifests/${reference}`, { accept: manifestTypes.join(', ') });
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of answer.body()) {
      bytes += chunk.length;
      if (bytes > maxManifestBytes) throw new Error('the manifest is too large');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** The bytes of a blob, not checked but for their number. Goes on where a connection broke. */
  async *blob({ digest, size }: Descriptor): AsyncGenerator<Uint8Array> {
    const { clock, signal } = this.#options;
    let received = 0;
    for (const delayMs of [...cutDelaysMs, undefined]) {
      try {
        for await (const chunk of await this.#blobFrom(digest, received)) {
          received += chunk.length;
          if (received > size)
            throw new Error(`blob ${digest} has more than ${size} bytes, which its manifest gives it`);
          yield chunk;
        }
        return;
      } catch (error) {
        if (!(error instanceof ConnectionError) || received === 0 || delayMs === undefined) throw error;
      }
      await sleep(clock, delayMs, signal);
      signal.throwIfAborted();
    }
  }

  async #blobFrom(digest: string, start: number): Promise<AsyncGenerator<Uint8Array>> {
    const range: Record<string, string> = start === 0 ? {} : { range: `bytes=${start}-` };
    const answer = await this.#get(`/blobs/${digest}`, { accept: '*/*', ...range });
    // Who knows no ranges sends all again.
    const sentFrom = answer.status === 206 ? rangeStart(answer) : 0;
    if (sentFrom > start) throw new Error(`asked for bytes from ${start}, the registry sends those from ${sentFrom}`);
    return without(start - sentFrom, answer.body());
  }

  async #get(path: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const url = this.#base + path;
    let answer = await this.#ask(url, headers);
    if (answer.status === 401) {
      const challenge = answer.headers.get('www-authenticate') ?? '';
      await answer.drop();
      this.#authorization = await this.#answerTo(challenge);
      answer = await this.#ask(url, headers);
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    const wait = answer.headers.get('retry-after');
    const patience = wait === null ? '' : ` (retry after ${wait})`;
    const message = `unexpected status from GET request to ${url}: ${answer.status} ${await answer.text(maxErrorBytes)}`;
    throw new (refusals.includes(answer.status) ? RefusedError : Error)(message.trim() + patience);
  }

  #ask(url: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const authorization = this.#authorization;
    return httpGet(url, authorization === undefined ? headers : { ...headers, authorization }, this.#options);
  }

  async #answerTo(challenge: string): Promise<string> {
    const { credentials, reference } = this.#options;
    if (/^basic/i.test(challenge)) {
      if (credentials === undefined)
        throw new RefusedError('the registry asks for a user and password (imagePullSecrets)');
      this.#usedCredentials = true;
      return `Basic ${credentials}`;
    }
    const fields = new Map([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    const realm = fields.get('realm');
    if (!/^bearer/i.test(challenge) || realm === undefined)
      throw new Error(`the registry asks for an unknown authentication: ${challenge.slice(0, 100)}`);
    const url = new URL(realm);
    if (url.protocol !== 'https:' && !this.#base.startsWith('http:'))
      throw new Error(`credentials are not sent to ${url.origin} in the clear`);
    url.searchParams.set('service', fields.get('service') ?? '');
    url.searchParams.set('scope', fields.get('scope') ?? `repository:${reference.repository}:pull`);
    this.#authorization = credentials === undefined ? undefined : `Basic ${credentials}`;
    this.#usedCredentials = credentials !== undefined;
    return `Bearer ${await tokenIn(await this.#ask(url.href, { accept: 'application/json' }), url)}`;
  }
}

function rangeStart({ headers }: Answer): number {
  const [, start] = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '') ?? [];
  if (start === undefined) throw new Error('the registry answers with a part, and does not say with which');
  return Number(start);
}

/** Leaves so many bytes out. */
async function* without(bytes: number, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of source) {
    if (left < chunk.length) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

async function tokenIn(answer: Answer, { origin }: URL): Promise<string> {
  const text = await answer.text(maxTokenBytes);
  const message = `failed to authorize: ${origin} answers ${answer.status}`;
  if (refusals.includes(answer.status)) throw new RefusedError(message);
  if (answer.status !== 200) throw new Error(message);
  const fields = JSON.parse(text) as { token?: unknown; access_token?: unknown } | null;
  const token = fields?.token ?? fields?.access_token;
  if (typeof token !== 'string') throw new Error(`failed to authorize: ${origin} gives no token`);
  return token;
}
