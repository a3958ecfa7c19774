import type { Container } from '../../src/api/index.ts';
import type { Clock } from '../../src/clock/index.ts';
import {
  RuntimeError,
  type DiskFigures,
  type HeldImage,
  type ImageKeep,
  type ImageRequest,
  type KeptImage,
  type PulledImage,
  type RuntimeImages,
} from '../../src/runtimes/index.ts';

/** Images that are pulled as a test wants it: what a name means, or why it cannot be had, and how long that takes. */
export class ImageFarEnd implements RuntimeImages, ImageKeep {
  readonly pulls: string[] = [];
  /** Names of pulls that were given up. */
  readonly givenUp: string[] = [];
  readonly here = new Map<string, HeldImage>();
  /** Milliseconds until a pull of this name ends; Infinity: never. Default: 0. */
  readonly tookMs = new Map<string, number>();
  /** Why a name cannot be pulled. */
  readonly refusals = new Map<string, string>();
  readonly keep: ImageKeep = this;
  /** How full the disk of the images is. */
  figures: DiskFigures = { capacityBytes: 1000, availableBytes: 900 };
  /** Names that were loaded from files. */
  readonly loaded = new Set<string>();
  /** What becomes free with an image of this name; an error: it cannot be removed. Default: 100. */
  readonly sizes = new Map<string, number | Error>();
  readonly removed: string[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  needs({ image }: Container): boolean {
    return image !== 'host';
  }

  find({ image }: ImageRequest): Promise<HeldImage | undefined> {
    if (image === 'BAD')
      return Promise.reject(new RuntimeError('InvalidImageName', 'Failed to apply default image tag "BAD"'));
    return Promise.resolve(this.here.get(image));
  }

  async pull({ image }: ImageRequest, signal: AbortSignal): Promise<PulledImage> {
    this.pulls.push(image);
    const tookMs = this.tookMs.get(image) ?? 0;
    await new Promise<void>((resolve, reject) => {
      const timer = tookMs === Infinity ? undefined : this.#clock.after(tookMs, resolve);
      signal.addEventListener('abort', () => {
        timer?.cancel();
        this.givenUp.push(image);
        reject(signal.reason as Error);
      });
    });
    const refusal = this.refusals.get(image);
    if (refusal !== undefined) throw new RuntimeError('ErrImagePull', refusal);
    const held = { id: `sha256:${image}`, ref: `registry/${image}@sha256:1` };
    this.here.set(image, held);
    return { ...held, sizeBytes: 4321, tookMs };
  }

  list(): Promise<readonly KeptImage[]> {
    return Promise.resolve(
      [...this.here].map(([name, { id }]) => ({ id, names: [name], pinned: this.loaded.has(name) })),
    );
  }

  remove(id: string): Promise<number> {
    const [name = ''] = [...this.here].find(([, held]) => held.id === id) ?? [];
    const size = this.sizes.get(name) ?? 100;
    if (size instanceof Error) return Promise.reject(size);
    this.here.delete(name);
    this.removed.push(name);
    return Promise.resolve(size);
  }

  disk(): Promise<DiskFigures> {
    return Promise.resolve(this.figures);
  }
}
