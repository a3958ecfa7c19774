import type { TLSSocket } from 'node:tls';

/** Header values by lower-case name. A list stands for several fields of one name. */
export type AnswerHeaders = Record<string, string | number | string[]>;

/**
 * One request and its answer, the same for HTTP/1.1 and for HTTP/2 streams (the raw streams: Node's compatibility layer
 * costs a quarter of the throughput). The peer may vanish at any time: answers to it are then dropped.
 */
export interface Exchange {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  header(name: string): string | undefined;
  /** Of all headers that came, in lower case. */
  headerNames(): readonly string[];
  /** What lives as long as the connection: the key under which facts about the peer are kept. */
  readonly connection: object;
  /** The TLS socket of the connection; undefined without TLS. */
  tlsSocket(): TLSSocket | undefined;
  /** The whole body. @throws BodyTooLargeError as soon as more than `limitBytes` came; PeerGoneError */
  readBody(limitBytes: number): Promise<Buffer>;
  /** Sends a complete answer. */
  respond(status: number, headers: AnswerHeaders, body?: Buffer | string): void;
  /** Sends the head of a streamed answer, at once. */
  start(status: number, headers: AnswerHeaders): void;
  readonly started: boolean;
  /** False: wait for `drained` before writing more. */
  write(chunk: Buffer): boolean;
  /** Resolves when more can be written, or the peer is gone. */
  drained(): Promise<void>;
  end(): void;
  /** Cuts the answer off without ending it properly. */
  abort(): void;
  readonly closed: boolean;
  /** Calls once when the exchange is over, whoever ended it; at once if it is. */
  onClose(call: () => void): void;
}

export class BodyTooLargeError extends Error {}

/** The client closed the connection or reset the stream before the request was complete. */
export class PeerGoneError extends Error {}
