import { Client, credentials, status, type ClientOptions, type ServiceError } from '@grpc/grpc-js';
import type { Clock } from '../../../clock/index.ts';
import { methods, type Method } from './methods.ts';

/** What a container runtime answers to a call that failed, or why there was no answer. */
export class CriError extends Error {
  readonly code: number;

  constructor(error: ServiceError) {
    super(error.details, { cause: error });
    this.code = error.code;
  }

  /** There is nothing of that name (any more). */
  get isNotFound(): boolean {
    return this.code === status.NOT_FOUND;
  }

  /** The runtime does not know this call: it is older than it. */
  get isUnimplemented(): boolean {
    return this.code === status.UNIMPLEMENTED;
  }

  /** Whether the runtime may have done it, nobody knows: it could not be reached, or went away meanwhile. */
  get isLost(): boolean {
    return [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED].includes(this.code);
  }
}

export interface CallOptions {
  /** Undefined: as long as it takes. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Stays one when the runtime restarts: every call tries to connect again. */
const options: ClientOptions = {
  // A log's tail or the state of a thousand containers may be large.
  'grpc.max_receive_message_length': 64 << 20,
  // The default would let a runtime that is back wait for up to two minutes.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
};

/** Speaks with containerd or CRI-O over their unix socket. */
export class CriClient {
  readonly methods = methods;
  readonly #client: Client;
  readonly #clock: Clock;

  constructor(socketPath: string, clock: Clock) {
    this.#clock = clock;
    this.#client = new Client(`unix:${socketPath}`, credentials.createInsecure(), options);
  }

  /** @throws (rejects) CriError */
  call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    { timeoutMs, signal }: CallOptions = {},
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const deadline = timeoutMs === undefined ? {} : { deadline: this.#clock.now() + timeoutMs };
      const { path, encode, decode } = method;
      const cancel = (): void => call.cancel();
      const call = this.#client.makeUnaryRequest(path, encode, decode, request, deadline, (error, response) => {
        signal?.removeEventListener('abort', cancel);
        if (error !== null) reject(new CriError(error));
        else resolve(response!);
      });
      if (signal?.aborted === true) cancel();
      else signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  /** Calls once for each message that comes; ends when the runtime goes away. @throws (rejects) CriError */
  listen<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    { onMessage, signal }: { readonly onMessage: (message: Response) => void; readonly signal: AbortSignal },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const { path, encode, decode } = method;
      const stream = this.#client.makeServerStreamRequest(path, encode, decode, request);
      stream.on('data', onMessage);
      stream.on('error', (error: ServiceError) => reject(new CriError(error)));
      stream.on('end', resolve);
      if (signal.aborted) stream.cancel();
      else signal.addEventListener('abort', () => stream.cancel(), { once: true });
    });
  }

  close(): void {
    this.#client.close();
  }
}
