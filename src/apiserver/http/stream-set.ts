/** Everything long-running, so that it can be ended when the server stops. */
export class StreamSet {
  readonly #ends = new Set<() => void>();
  #closed = false;

  /** Registers how to end a stream; ends it at once if the server is stopping. Call the result when it is over. */
  add(end: () => void): () => void {
    if (this.#closed) {
      end();
      return () => undefined;
    }
    this.#ends.add(end);
    return () => {
      this.#ends.delete(end);
    };
  }

  get size(): number {
    return this.#ends.size;
  }

  close(): void {
    this.#closed = true;
    for (const end of [...this.#ends]) end();
  }
}
