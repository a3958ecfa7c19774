import type { Clock } from '../../clock/index.ts';
import type { Credentials } from '../registry-credentials.ts';
import type { ImageReference } from '../image-reference.ts';
import { manifestTypes } from './manifest.ts';

export interface RegistryOptions {
  readonly reference: ImageReference;
  readonly credentials: Credentials | undefined;
  readonly clock: Clock;
  /** Ends all that is under way. */
  readonly signal: AbortSignal;
}

/** Manifests are small: more is an attack, or no manifest. */
const maxManifestBytes = 4 << 20;
/** How long a registry may take until it begins to answer. */
const answerTimeoutMs = 30_000;
const maxRedirects = 5;
/** How long a body may stand still. */
const stallTimeoutMs = 60_000;

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
    const response = await this.#get(`/manifests/${reference}`, manifestTypes.join(', '));
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response) {
      bytes += chunk.length;
      if (bytes > maxManifestBytes) throw new Error('the manifest is too large');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** The bytes of a blob, not checked. */
  blob(digest: string): Promise<AsyncIterable<Uint8Array>> {
    return this.#get(`/blobs/${digest}`, '*/*');
  }

  async #get(path: string, accept: string): Promise<AsyncIterable<Uint8Array>> {
    let response = await this.#send(this.#base + path, { accept });
    if (response.status === 401) {
      const challenge = response.headers.get('www-authenticate') ?? '';
      await response.body?.cancel();
      this.#authorization = await this.#answerTo(challenge);
      response = await this.#send(this.#base + path, { accept });
    }
    if (response.ok && response.body !== null) return this.#watched(response.body);
    const text = (await response.text()).slice(0, 300);
    const message = `unexpected status from GET request to ${this.#base}${path}: ${response.status} ${text}`.trim();
    throw refusals.includes(response.status) ? new RefusedError(message) : new Error(message);
  }

  /** Follows redirects. Credentials go to the registry only. */
  async #send(url: string, headers: Record<string, string>): Promise<Response> {
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, this.#options.signal]);
    const timer = this.#options.clock.after(answerTimeoutMs, () => abort.abort(new Error('no answer in time')));
    try {
      let at = new URL(url);
      let authorization = this.#authorization;
      for (let hops = 0; hops <= maxRedirects; hops++) {
        const sent = authorization === undefined ? headers : { ...headers, authorization };
        const response = await fetch(at, { headers: sent, signal, redirect: 'manual' });
        const next = redirectOf(at, response);
        if (next === undefined) return response;
        await response.body?.cancel();
        if (next.origin !== at.origin) authorization = undefined;
        at = next;
      }
      throw new Error('too many redirects');
    } catch (error) {
      const { cause } = error as Error;
      throw new Error(`failed to do request: GET ${url}: ${((cause ?? error) as Error).message}`, { cause: error });
    } finally {
      timer.cancel();
    }
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
    const response = await this.#send(url.href, { accept: 'application/json' });
    if (refusals.includes(response.status))
      throw new RefusedError(`failed to authorize: ${url.origin} answers ${response.status}`);
    if (!response.ok) throw new Error(`failed to authorize: ${url.origin} answers ${response.status}`);
    const answer = (await response.json()) as { token?: unknown; access_token?: unknown };
    const token = answer.token ?? answer.access_token;
    if (typeof token !== 'string') throw new Error(`failed to authorize: ${url.origin} gives no token`);
    return `Bearer ${token}`;
  }

  async *#watched(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
    const reader = body.getReader();
    try {
      for (;;) {
        const timer = this.#options.clock.after(stallTimeoutMs, () => void reader.cancel(new Error('it stands still')));
        const { done, value } = await reader.read().finally(() => timer.cancel());
        if (done) return;
        yield value;
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }
}

const redirects = [301, 302, 303, 307, 308];

/**
 * Where an answer leads on to; undefined: it is the answer.
 * @throws Error for a way out of TLS: a manifest that is asked for by its tag has no digest to check
 */
export function redirectOf(from: URL, response: Pick<Response, 'status' | 'headers'>): URL | undefined {
  const location = response.headers.get('location');
  if (!redirects.includes(response.status) || location === null) return undefined;
  const to = new URL(location, from);
  if (!['http:', 'https:'].includes(to.protocol) || (from.protocol === 'https:' && to.protocol !== 'https:'))
    throw new Error(`a redirect from ${from.origin} to ${to.protocol}//${to.host} is not followed`);
  return to;
}
