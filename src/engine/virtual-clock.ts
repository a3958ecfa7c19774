import { badRequest, failure, parseTime } from '../api/index.ts';
import type { Extension, ExtensionRequest } from '../apiserver/index.ts';
import { systemClock, VirtualClock, type Clock, type Timer } from '../clock/index.ts';
import { formatDuration, parseDuration } from './duration.ts';

/** Where a server whose time is virtual serves its clock. */
export const clockPath = '/rondo.dev/v1alpha1/clock';

/** What reading or moving the clock answers. Instants are RFC 3339 with milliseconds. */
export interface ClockReading {
  readonly apiVersion: 'rondo.dev/v1alpha1';
  readonly kind: 'Clock';
  readonly now: string;
  /** When the next timer is due; null if there is none. */
  readonly nextTimer: string | null;
  readonly pendingTimers: number;
}

/** How a client moves the clock: exactly one of these. */
export interface ClockMove {
  /** Lets this much time pass: `24h`. Every timer on the way fires at its instant. */
  readonly advance?: string;
  /** Lets time pass up to an instant. */
  readonly advanceTo?: string;
  /** Steps the wall clock, as NTP or an administrator does: no time passes, timers do not notice. */
  readonly set?: string;
}

/** More at once is a mistake. */
const maxAdvanceMs = 100 * 366 * 86_400_000;
const lastInstantMs = Date.UTC(9999, 0, 1);

const outside = 'is not between 1970 and 9998';

/** Whether a clock may show this: beyond it, instants cannot be written as the API writes them. */
export function isClockInstant(ms: number): boolean {
  return ms >= 0 && ms < lastInstantMs;
}

/**
 * The time of a server that stands still until a client moves it. What is due at once is done at once, so that requests
 * have their effects without anybody touching the clock.
 */
export class ServerTime extends VirtualClock {
  /** Stamps with virtual time; but how long a client may take, and streams live, is real time. */
  readonly requestClock: Clock = {
    now: () => this.now(),
    monotonic: () => systemClock.monotonic(),
    after: (delayMs, call) => systemClock.after(delayMs, call),
    yield: () => systemClock.yield(),
  };
  /** Moves happen one after the other. */
  #last: Promise<void> = Promise.resolve();
  #wakePending = false;

  override after(delayMs: number, call: () => void): Timer {
    const timer = super.after(delayMs, call);
    if (delayMs <= 0) this.#wakeSoon();
    return timer;
  }

  read(): ClockReading {
    const next = this.nextTimerMs;
    return {
      apiVersion: 'rondo.dev/v1alpha1',
      kind: 'Clock',
      now: new Date(this.now()).toISOString(),
      nextTimer: next === undefined ? null : new Date(next).toISOString(),
      pendingTimers: this.pendingTimers,
    };
  }

  /**
   * Moves the clock and resolves when everything that follows from it has settled.
   * @throws ApiError 400 for a move that makes no sense
   */
  async move(move: ClockMove): Promise<ClockReading> {
    const act = this.#actionFor(move);
    const done = this.#last.then(act);
    this.#last = done.catch(() => undefined);
    await done;
    return this.read();
  }

  #actionFor(move: ClockMove): () => Promise<void> {
    const { advance, advanceTo, set } = move;
    if ([advance, advanceTo, set].filter((value) => value !== undefined).length !== 1)
      throw badRequest('give exactly one of advance, advanceTo and set');
    if (advance !== undefined) {
      const ms = parseDuration(advance);
      if (!(ms >= 0)) throw badRequest(`advance: ${JSON.stringify(advance)} is no duration like 24h`);
      return () => this.#pass('advance', ms);
    }
    const name = advanceTo === undefined ? 'set' : 'advanceTo';
    const text = JSON.stringify(advanceTo ?? set);
    const instantMs = parseTime(advanceTo ?? set ?? '');
    if (Number.isNaN(instantMs)) throw badRequest(`${name}: ${text} is no instant like 2026-03-08T06:00:00Z`);
    if (!isClockInstant(instantMs)) throw badRequest(`${name}: ${text} ${outside}`);
    if (set !== undefined) return () => this.#step(instantMs);
    return () => {
      const ms = instantMs - this.now();
      if (ms >= 0) return this.#pass('advanceTo', ms);
      return Promise.reject(badRequest(`advanceTo: it is ${new Date(this.now()).toISOString()} already`));
    };
  }

  #pass(name: string, ms: number): Promise<void> {
    if (ms > maxAdvanceMs)
      return Promise.reject(badRequest(`${name}: more than ${formatDuration(maxAdvanceMs)} at once is too much`));
    if (!isClockInstant(this.now() + ms)) return Promise.reject(badRequest(`${name}: the time after it ${outside}`));
    return this.advance(ms);
  }

  async #step(instantMs: number): Promise<void> {
    await this.settle();
    this.setWallTime(instantMs);
    await this.settle();
  }

  #wakeSoon(): void {
    if (this.#wakePending) return;
    this.#wakePending = true;
    systemClock.after(0, () => {
      this.#wakePending = false;
      this.#last = this.#last.then(() => this.settle());
    });
  }
}

/** Reads (GET) and moves (POST) the clock over HTTP. */
export function clockExtension(time: ServerTime): Extension {
  return {
    path: clockPath,
    serve: async (request) => {
      if (request.path !== clockPath) throw failure({ code: 404, reason: 'NotFound', message: 'no such path' });
      if (request.method === 'GET') return { code: 200, body: time.read() };
      if (request.method === 'POST') return { code: 200, body: await time.move(await moveOf(request)) };
      throw failure({
        code: 405,
        reason: 'MethodNotAllowed',
        message: 'use GET to read the clock and POST to move it',
      });
    },
  };
}

const moves = ['advance', 'advanceTo', 'set'];

async function moveOf(request: ExtensionRequest): Promise<ClockMove> {
  const body = await request.body();
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('the body must be an object');
  for (const [key, value] of Object.entries(body)) {
    if (!moves.includes(key)) throw badRequest(`unknown field ${JSON.stringify(key)}`);
    if (typeof value !== 'string') throw badRequest(`${key} must be a string`);
  }
  return body as ClockMove;
}
