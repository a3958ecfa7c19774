import type { ApiError } from '../../api/index.ts';
import type { Clock, Timer } from '../../clock/index.ts';
import type { StoredEvent, WatchSink } from '../operations.ts';
import type { Exchange } from './exchange.ts';
import { errorFrame, type FrameEncoder } from './watch-frames.ts';

/** Events are put together into writes of about this size. */
const writeBytes = 256 * 1024;

export interface WatchLimits {
  /** A client may be this far behind, once it has caught up for the first time. */
  readonly backlogBytes: number;
  /** A client that reads nothing for this long while more than `backlogBytes` wait for it is cut off. */
  readonly stallMs: number;
}

export const watchLimits: WatchLimits = { backlogBytes: 16 * 1024 * 1024, stallMs: 10_000 };

/**
 * Sends events to one client at the pace at which it reads. What waits is kept as references to stored bytes, not as
 * copies. The first events (the whole collection, or a long past) may be far more than `backlogBytes`, so as long as
 * the client has never caught up, only standing still counts against it.
 */
export class WatchStream implements WatchSink {
  readonly #exchange: Exchange;
  readonly #encoder: FrameEncoder;
  readonly #clock: Clock;
  readonly #limits: WatchLimits;
  #queue: StoredEvent[] = [];
  #next = 0;
  #backlogBytes = 0;
  #blocked = true;
  #flushPending = false;
  /** All of the past has been handed over; the client has read it too. */
  #current = false;
  #caughtUp = false;
  #ending: { readonly error: ApiError | undefined } | undefined;
  #stallTimer: Timer | undefined;

  /** Sends nothing before `open`. */
  constructor(exchange: Exchange, encoder: FrameEncoder, clock: Clock, limits: WatchLimits) {
    this.#exchange = exchange;
    this.#encoder = encoder;
    this.#clock = clock;
    this.#limits = limits;
    exchange.onClose(() => this.#stallTimer?.cancel());
  }

  /** The head has been sent: what has come so far may follow. */
  open(): void {
    this.#blocked = false;
    this.#flush();
  }

  onEvents(events: readonly StoredEvent[]): void {
    if (this.#ending !== undefined || this.#exchange.closed) return;
    for (const event of events) {
      this.#queue.push(event);
      this.#backlogBytes += sizeOf(event);
    }
    this.#flushLater();
    this.#cutOffIfTooSlow();
  }

  onCurrent(): void {
    this.#current = true;
    this.#flush();
  }

  onEnd(error?: ApiError): void {
    this.#ending ??= { error };
    this.#flush();
  }

  /** Controllers hear of a change first, and what comes within one turn goes out in one write. */
  #flushLater(): void {
    if (this.#flushPending) return;
    this.#flushPending = true;
    void this.#clock.yield().then(() => {
      this.#flushPending = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (!this.#blocked && this.#next < this.#queue.length) {
      if (!this.#exchange.write(this.#takePiece())) this.#waitForDrain();
    }
    if (this.#blocked || this.#next < this.#queue.length) return;
    this.#caughtUp ||= this.#current;
    if (this.#ending === undefined || this.#exchange.closed) return;
    if (this.#ending.error !== undefined) this.#exchange.write(errorFrame(this.#ending.error));
    this.#exchange.end();
  }

  #takePiece(): Buffer {
    const parts: Buffer[] = [];
    let bytes = 0;
    while (this.#next < this.#queue.length && bytes < writeBytes) {
      const event = this.#queue[this.#next++] as StoredEvent;
      bytes += this.#encoder.encode(event, parts);
      this.#backlogBytes -= sizeOf(event);
    }
    if (this.#next === this.#queue.length || this.#next > 1024) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    return Buffer.concat(parts, bytes);
  }

  #waitForDrain(): void {
    this.#blocked = true;
    void this.#exchange.drained().then(() => {
      this.#stallTimer?.cancel();
      this.#stallTimer = undefined;
      if (this.#exchange.closed) return;
      this.#blocked = false;
      this.#flush();
      this.#cutOffIfTooSlow();
    });
  }

  #cutOffIfTooSlow(): void {
    if (this.#backlogBytes <= this.#limits.backlogBytes || this.#exchange.closed) return;
    if (this.#caughtUp) {
      this.#exchange.abort();
      return;
    }
    this.#stallTimer ??= this.#clock.after(this.#limits.stallMs, () => this.#exchange.abort());
  }
}

function sizeOf(event: StoredEvent): number {
  return event.type === 'BOOKMARK' ? 0 : event.stored.bytes.length;
}
