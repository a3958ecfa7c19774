/** Work that several want: done once for all who want it at the same time, and given up when nobody wants it any more. */
export class SharedWork<T> {
  readonly #underWay = new Map<string, Shared<T>>();

  /**
   * Begins the work of this name, or joins in where it is under way.
   * @throws (rejects) the signal's reason when it is aborted; if it was the last one, after the work has ended
   */
  async join(name: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const shared = this.#underWay.get(name) ?? this.#begin(name, work);
    shared.waiting += 1;
    const { promise: left, reject: leave } = rejection();
    const onAbort = (): void => {
      shared.waiting -= 1;
      if (shared.waiting > 0) {
        leave(signal.reason as Error);
        return;
      }
      // Whoever comes now begins anew.
      if (this.#underWay.get(name) === shared) this.#underWay.delete(name);
      shared.controller.abort(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([shared.result, left]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #begin(name: string, work: (signal: AbortSignal) => Promise<T>): Shared<T> {
    const controller = new AbortController();
    const result = work(controller.signal).finally(() => {
      if (this.#underWay.get(name) === shared) this.#underWay.delete(name);
    });
    // Those who wait hear of it; with nobody left it is of no interest.
    result.catch(() => undefined);
    const shared: Shared<T> = { controller, result, waiting: 0 };
    this.#underWay.set(name, shared);
    return shared;
  }
}

interface Shared<T> {
  readonly controller: AbortController;
  readonly result: Promise<T>;
  waiting: number;
}

/** Lets so many work at a time; the others wait their turn, in the order in which they came. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** @throws (rejects) what the work throws, or the signal's reason when it is aborted before its turn */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#turn(signal);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1);
        reject(signal.reason as Error);
      };
      const begin = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      this.#waiting.push(begin);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}

function rejection(): { readonly promise: Promise<never>; readonly reject: (error: Error) => void } {
  let reject!: (error: Error) => void;
  const promise = new Promise<never>((_resolve, fail) => (reject = fail));
  return { promise, reject };
}
