import type { KubeObject } from '../api/index.ts';
import type { Clock, Timer } from '../clock/index.ts';
import type { EventRecorder } from '../controlloop/index.ts';
import type { Logger } from '../log/index.ts';
import type { DiskFigures, ImageKeep, KeptImage } from '../runtimes/index.ts';

export interface ImageGarbageOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly recorder: EventRecorder;
  readonly nodeName: string;
  readonly keep: ImageKeep;
  /** Ids of images that containers have, or are about to have. */
  readonly inUse: () => ReadonlySet<string>;
}

/** When images have to go: from the one on, down to the other. */
const [highPercent, lowPercent] = [85, 80];
const minAgeMs = 2 * 60_000;
const everyMs = 5 * 60_000;

/** Monotonic times. */
interface Known {
  readonly firstSeenMs: number;
  /** -Infinity: never since the engine began. */
  lastUsedMs: number;
}

/**
 * Removes images that nobody uses when their disk gets full, the longest unused first. Rules, times and Events are those of
 * upstream's `pkg/kubelet/images/image_gc_manager.go`; that is asked every five minutes who uses what, but here most
 * containers are shorter than that, so each use is told.
 */
export class ImageGarbage {
  readonly #options: ImageGarbageOptions;
  readonly #known = new Map<string, Known>();
  #timer: Timer | undefined;
  #failedBefore = false;
  #stopped = false;
  #underWay: Promise<void> = Promise.resolve();

  constructor(options: ImageGarbageOptions) {
    this.#options = options;
  }

  start(): void {
    this.#underWay = this.#collect();
  }

  /** Resolves when nothing is being removed any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#underWay;
  }

  /** A container is about to start from this image. */
  used(id: string): void {
    const nowMs = this.#options.clock.monotonic();
    this.#known.set(id, { firstSeenMs: this.#known.get(id)?.firstSeenMs ?? nowMs, lastUsedMs: nowMs });
  }

  async #collect(): Promise<void> {
    const { clock, log, recorder, nodeName } = this.#options;
    try {
      await this.#freeIfNeeded();
      this.#failedBefore = false;
    } catch (error) {
      log.warn('image garbage collection failed', { error });
      // Once may be chance.
      if (this.#failedBefore) recorder.event(nodeOf(nodeName), 'Warning', 'ImageGCFailed', (error as Error).message);
      this.#failedBefore = true;
    }
    if (this.#stopped) return;
    this.#timer = clock.after(everyMs, () => void (this.#underWay = this.#collect()));
  }

  async #freeIfNeeded(): Promise<void> {
    const { clock, keep, recorder, nodeName } = this.#options;
    const images = await keep.list();
    const nowMs = clock.monotonic();
    this.#look(images, nowMs);
    if (images.length === 0) return;
    const excessBytes = this.#excess(await keep.disk());
    if (excessBytes === undefined) return;
    const freedBytes = Math.round(await this.#free(images, excessBytes, nowMs));
    if (freedBytes >= excessBytes) return;
    const message =
      `Failed to garbage collect required amount of images. Attempted to free ${excessBytes} bytes, ` +
      `but only found ${freedBytes} bytes eligible to free.`;
    recorder.event(nodeOf(nodeName), 'Warning', 'FreeDiskSpaceFailed', message);
    throw new Error(message);
  }

  /** How much has to go; undefined: nothing. */
  #excess({ capacityBytes, availableBytes: available }: DiskFigures): number | undefined {
    const { recorder, nodeName, log } = this.#options;
    if (capacityBytes === 0) {
      const message = 'invalid capacity 0 on image filesystem';
      recorder.event(nodeOf(nodeName), 'Warning', 'InvalidDiskCapacity', message);
      throw new Error(message);
    }
    const availableBytes = Math.min(available, capacityBytes);
    const usedPercent = 100 - Math.floor((availableBytes * 100) / capacityBytes);
    if (usedPercent < highPercent) return undefined;
    const excessBytes = Math.floor((capacityBytes * (100 - lowPercent)) / 100) - availableBytes;
    log.info('the disk of the images is full, unused ones are removed', { usedPercent, excessBytes });
    return excessBytes;
  }

  #look(images: readonly KeptImage[], nowMs: number): void {
    const [present, inUse] = [new Set(images.map(({ id }) => id)), this.#options.inUse()];
    for (const id of this.#known.keys()) if (!present.has(id)) this.#known.delete(id);
    for (const id of present) {
      const known = this.#known.get(id) ?? { firstSeenMs: nowMs, lastUsedMs: -Infinity };
      if (inUse.has(id)) known.lastUsedMs = nowMs;
      this.#known.set(id, known);
    }
  }

  async #free(images: readonly KeptImage[], wantedBytes: number, nowMs: number): Promise<number> {
    const { keep, log, inUse } = this.#options;
    const problems: string[] = [];
    let freedBytes = 0;
    for (const { id, names } of this.#eligible(images, nowMs)) {
      if (freedBytes >= wantedBytes || this.#stopped) break;
      // Others were being removed meanwhile, and containers go on starting.
      if (inUse().has(id)) continue;
      try {
        freedBytes += await keep.remove(id);
        this.#known.delete(id);
        log.info('image removed', { image: names[0] ?? id, freedBytes });
      } catch (error) {
        problems.push((error as Error).message);
      }
    }
    if (problems.length === 0) return freedBytes;
    throw new Error(
      `wanted to free ${wantedBytes} bytes, but freed ${freedBytes} bytes space with errors in image deletion: ` +
        (problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`),
    );
  }

  /** Old enough and not in use: the longest unused first, then the longest known. */
  #eligible(images: readonly KeptImage[], nowMs: number): readonly KeptImage[] {
    const of = ({ id }: KeptImage): Known => this.#known.get(id) ?? { firstSeenMs: nowMs, lastUsedMs: nowMs };
    return images
      .filter((image) => !image.pinned && of(image).lastUsedMs < nowMs && nowMs - of(image).firstSeenMs >= minAgeMs)
      .sort((a, b) => order(of(a).lastUsedMs, of(b).lastUsedMs) || order(of(a).firstSeenMs, of(b).firstSeenMs));
  }
}

function order(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** As the kubelet names it: the uid of a node is its name. */
function nodeOf(name: string): KubeObject {
  const metadata = { name, uid: name, resourceVersion: '', creationTimestamp: '' };
  return { apiVersion: 'v1', kind: 'Node', metadata };
}
