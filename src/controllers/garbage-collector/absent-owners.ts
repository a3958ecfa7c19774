/** How many absent owners each of the two generations remembers. */
const generationSize = 500;

/**
 * Owners that a live read has found to be gone. Uids never come back, so this stays true; it saves a read per dependent
 * when an owner of thousands goes. Two generations, so that dropping the oldest costs nothing per entry.
 */
export class AbsentOwners {
  #young = new Set<string>();
  #old = new Set<string>();

  has(key: string): boolean {
    return this.#young.has(key) || this.#old.has(key);
  }

  add(key: string): void {
    this.#young.add(key);
    if (this.#young.size < generationSize) return;
    this.#old = this.#young;
    this.#young = new Set();
  }
}
