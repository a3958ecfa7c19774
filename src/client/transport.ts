import type { Readable } from 'node:stream';

/** What the HTTP client needs of a connection. */
export interface Transport {
  /**
   * Resolves when the headers of the answer are there; the body follows. Aborting ends both.
   * @throws (rejects) whatever the network says
   */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>;
}

export interface HttpRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly body: Readable;
}

export interface TransportOptions {
  readonly server: URL;
  /** PEM texts. */
  readonly ca?: string | undefined;
  readonly clientCert?: string | undefined;
  readonly clientKey?: string | undefined;
}
