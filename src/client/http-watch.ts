import type { Readable } from 'node:stream';
import { deepFreeze, internalError, type KubeObject } from '../api/index.ts';
import type { Clock, Timer } from '../clock/index.ts';
import type { WatchEvent, WatchHandler } from './client.ts';
import type { HttpCaller } from './http-caller.ts';
import { errorFromEvent } from './http-errors.ts';
import { LineSplitter } from './line-splitter.ts';

interface WatchCall {
  readonly path: string;
  /** A stream that is silent for longer is taken for dead: the server ends watches before that. */
  readonly silenceMs: number;
}

/** One watch over HTTP: a stream of JSON lines, handed on in one batch per chunk. */
export class HttpWatch<T extends KubeObject> {
  readonly #caller: HttpCaller;
  readonly #handler: WatchHandler<T>;
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #lines = new LineSplitter();
  #ended = false;

  constructor(caller: HttpCaller, clock: Clock, handler: WatchHandler<T>) {
    this.#caller = caller;
    this.#clock = clock;
    this.#handler = handler;
  }

  close(): void {
    this.#end(undefined);
  }

  async run(call: WatchCall): Promise<void> {
    let timer: Timer | undefined;
    try {
      const get = { method: 'GET', path: call.path };
      const body = await this.#caller.stream(get, 'application/json', this.#abort.signal);
      timer = this.#clock.after(call.silenceMs, () => this.#end(undefined));
      await this.#consume(body);
      this.#end(undefined);
    } catch (error) {
      this.#end(this.#caller.broken(error) as Error);
    } finally {
      timer?.cancel();
    }
  }

  #consume(body: Readable): Promise<void> {
    return new Promise((resolve, reject) => {
      body.on('data', (chunk: Buffer) => this.#take(chunk));
      body.on('end', resolve);
      body.on('close', resolve);
      body.on('error', reject);
    });
  }

  #take(chunk: Buffer): void {
    if (this.#ended) return;
    try {
      const events: WatchEvent<T>[] = [];
      let error: Error | undefined;
      for (const line of this.#lines.push(chunk)) {
        const { type, object } = JSON.parse(line) as { type: string; object: T };
        if (type === 'ERROR') error = errorFromEvent(object);
        else events.push(eventOf(type, object));
      }
      if (events.length > 0) this.#handler.onEvents(events);
      if (error !== undefined) this.#end(error);
    } catch (cause) {
      this.#end(internalError(cause));
    }
  }

  /** Exactly once, and never from within the call that made the watch. */
  #end(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#abort.abort();
    queueMicrotask(() => this.#handler.onEnd(error));
  }
}

function eventOf<T extends KubeObject>(type: string, object: T): WatchEvent<T> {
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type, object: deepFreeze(object) };
    case 'BOOKMARK':
      return { type, resourceVersion: object.metadata.resourceVersion };
    default:
      throw new Error(`the watch sent an event of type ${type}`);
  }
}
