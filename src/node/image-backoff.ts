interface Entry {
  delayMs: number;
  sinceMs: number;
  /** Why the last pull failed, with its reason. */
  message: string;
}

const firstDelayMs = 10_000;
const maxDelayMs = 300_000;

/**
 * When images that could not be pulled may be tried again: 10 s after the first failure, doubling to 5 min; forgotten
 * when nothing has failed for twice that. A pull that succeeds forgets nothing. (client-go: `util/flowcontrol/backoff.go`
 * with the kubelet's `imageBackOff`.)
 */
export class ImageBackoff {
  readonly #entries = new Map<string, Entry>();

  /** When the next pull is due; undefined: it may be tried now. */
  untilMs(image: string, nowMs: number): number | undefined {
    const entry = this.#entries.get(image);
    if (entry === undefined) return undefined;
    const untilMs = entry.sinceMs + entry.delayMs;
    return untilMs > nowMs ? untilMs : undefined;
  }

  failed(image: string, message: string, nowMs: number): void {
    const before = this.#entries.get(image);
    const delayMs =
      before === undefined || nowMs - before.sinceMs > 2 * maxDelayMs
        ? firstDelayMs
        : Math.min(before.delayMs * 2, maxDelayMs);
    this.#entries.set(image, { delayMs, sinceMs: nowMs, message });
  }

  /** Why the last pull failed. */
  lastMessage(image: string): string {
    return this.#entries.get(image)?.message ?? '';
  }
}
