/**
 * Lets work with a due time go before work without: while anybody holds it, runners that give way to it begin nothing
 * new. What they have begun goes on, and requests are served.
 */
export class Precedence {
  #holds = 0;
  readonly #waiting = new Set<() => void>();

  /** Whether those who give way have to wait. */
  get isHeld(): boolean {
    return this.#holds > 0;
  }

  /** Every call needs a `release`. */
  hold(): void {
    this.#holds++;
  }

  /** The last one lets all go on who wait. */
  release(): void {
    this.#holds--;
    if (this.#holds > 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const goOn of waiting) goOn();
  }

  /** Calls once, when nobody holds it any more. The same function waits at most once. */
  onRelease(goOn: () => void): void {
    this.#waiting.add(goOn);
  }
}
