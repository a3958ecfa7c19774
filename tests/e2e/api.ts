import { readFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { createHttpClient, type Client } from '../../src/client/index.ts';
import { systemClock, systemRandom } from '../../src/clock/index.ts';
import type { Rondo } from './rondo.ts';

type Target = Pick<Rondo, 'url' | 'dataDir'>;

export function tokenOf(rondo: Target): string {
  return readFileSync(join(rondo.dataDir, 'token'), 'utf8').trim();
}

function caOf(rondo: Target): string {
  return readFileSync(join(rondo.dataDir, 'pki', 'ca.crt'), 'utf8');
}

/** A client for a running engine with its bearer token. */
export function clientFor(rondo: Target): Client {
  return createHttpClient({
    server: rondo.url,
    ca: caOf(rondo),
    token: tokenOf(rondo),
    clock: systemClock,
    random: systemRandom,
  });
}

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
  /** Default: the right token. Null: no credentials. */
  readonly token?: string | null;
}

export interface RawAnswer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON, `{}` if it is none. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** One HTTP/1.1 request, exactly as given. */
export function rawRequest(rondo: Target, wanted: RawRequest): Promise<RawAnswer> {
  const token = wanted.token === undefined ? tokenOf(rondo) : wanted.token;
  const headers = {
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(wanted.body === undefined ? {} : { 'content-length': Buffer.byteLength(wanted.body) }),
    ...wanted.headers,
  };
  return new Promise((resolve, reject) => {
    const call = request(
      new URL(wanted.path, rondo.url),
      { method: wanted.method ?? 'GET', headers, ca: caOf(rondo), agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve({ code: response.statusCode ?? 0, headers: response.headers, text, body: asJson(text) });
        });
      },
    );
    call.on('error', reject);
    call.end(wanted.body);
  });
}

function asJson(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
