import type { DiskFigures } from '../image-service.ts';

/** A layer may unpack to so many times its size. */
const maxRatio = 100;
/** What it may unpack to in any case. */
export const alwaysAllowedBytes = 1 << 30;
/** What even an empty file, directory or link costs. */
const bytesOfEntry = 4096;
/** How often the disk is looked at. */
const lookEveryBytes = 16 << 20;
/** What is left free for others: a part of the disk, but no more than this. */
const [reservedPart, maxReservedBytes] = [20, 1 << 30];

export interface UnpackBudgetOptions {
  readonly what: string;
  /** As it came. */
  readonly packedBytes: number;
  /** Default: `alwaysAllowedBytes`. */
  readonly allowedBytes?: number | undefined;
  readonly disk: () => Promise<DiskFigures>;
}

/**
 * What unpacking one layer may cost. A few bytes can stand for as many as one likes; and whoever fills the disk takes it from
 * everybody, from the store of the engine first.
 */
export class UnpackBudget {
  readonly #options: UnpackBudgetOptions;
  readonly #limitBytes: number;
  #usedBytes = 0;
  #lookAtBytes = 0;

  constructor(options: UnpackBudgetOptions) {
    this.#options = options;
    const { packedBytes, allowedBytes = alwaysAllowedBytes } = options;
    this.#limitBytes = Math.max(allowedBytes, packedBytes * maxRatio);
  }

  /** The archive of the layer as it comes. @throws (rejects) Error when it is too much */
  async *limited(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of tar) {
      this.take(chunk.length);
      if (this.#usedBytes >= this.#lookAtBytes) await this.#lookAtDisk();
      yield chunk;
    }
  }

  takeEntry(): void {
    this.take(bytesOfEntry);
  }

  /** @throws Error when it is too much */
  take(bytes: number): void {
    this.#usedBytes += bytes;
    if (this.#usedBytes <= this.#limitBytes) return;
    const { what, packedBytes } = this.#options;
    throw new Error(`${what}, of ${packedBytes} bytes, unpacks to more than ${this.#limitBytes} bytes: it is refused`);
  }

  async #lookAtDisk(): Promise<void> {
    this.#lookAtBytes = this.#usedBytes + lookEveryBytes;
    const { capacityBytes, availableBytes } = await this.#options.disk();
    const reservedBytes = Math.min(maxReservedBytes, Math.floor(capacityBytes / reservedPart));
    if (availableBytes >= reservedBytes) return;
    throw new Error(`no space left on device: ${availableBytes} bytes are free, ${reservedBytes} have to stay so`);
  }
}
