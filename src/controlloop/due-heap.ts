/** A binary heap of keys by due time, in two flat arrays: no object per entry. Equal due times come out in any order. */
export class DueHeap {
  readonly #due: number[] = [];
  readonly #keys: string[] = [];

  /** Due time of the first key; Infinity when empty. */
  get firstDueMs(): number {
    return this.#due[0] ?? Infinity;
  }

  push(dueMs: number, key: string): void {
    let index = this.#due.length;
    this.#due.push(dueMs);
    this.#keys.push(key);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#dueAt(parent) <= dueMs) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#due[index] = dueMs;
    this.#keys[index] = key;
  }

  /** Takes the first key out. @throws Error when empty */
  pop(): string {
    const first = this.#keys[0];
    const dueMs = this.#due.pop();
    const key = this.#keys.pop();
    if (first === undefined || dueMs === undefined || key === undefined) throw new Error('the heap is empty');
    const length = this.#due.length;
    if (length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && this.#dueAt(child + 1) < this.#dueAt(child)) child++;
      if (this.#dueAt(child) >= dueMs) break;
      this.#move(child, index);
      index = child;
    }
    this.#due[index] = dueMs;
    this.#keys[index] = key;
    return first;
  }

  clear(): void {
    this.#due.length = 0;
    this.#keys.length = 0;
  }

  #dueAt(index: number): number {
    return this.#due[index] as number;
  }

  #move(from: number, to: number): void {
    this.#due[to] = this.#due[from] as number;
    this.#keys[to] = this.#keys[from] as string;
  }
}
