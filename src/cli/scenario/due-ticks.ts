import { everyMs, occurrences, type Schedule } from '../../cron/index.ts';

export interface Stretch {
  /** Exclusive. */
  readonly afterMs: number;
  /** Inclusive. */
  readonly untilMs: number;
}

/** From where `@every` counts: each of its ticks is counted from the last one that was handled. */
export interface Anchor {
  /** The tick that was handled last before the stretch, or the creation of the CronJob. */
  readonly lastMs: number;
  /** All ticks that were handled, in order. */
  readonly handledMs: readonly number[];
}

/** The instants at which a schedule is due in a stretch of wall time, in order. */
export function dueTicks(schedule: Schedule, stretch: Stretch, anchor: Anchor): Iterable<number> {
  const distanceMs = everyMs(schedule);
  return distanceMs === undefined ? occurrences(schedule, stretch) : counted(distanceMs, stretch, anchor);
}

function* counted(distanceMs: number, { afterMs, untilMs }: Stretch, anchor: Anchor): Generator<number, void> {
  let lastMs = Math.floor(anchor.lastMs / 1000) * 1000;
  for (const handledMs of [...anchor.handledMs.filter((atMs) => atMs > lastMs && atMs <= untilMs), Infinity]) {
    for (let atMs = lastMs + distanceMs; atMs < handledMs && atMs <= untilMs; atMs += distanceMs) {
      if (atMs > afterMs) yield atMs;
    }
    if (handledMs === Infinity) return;
    if (handledMs > afterMs) yield handledMs;
    lastMs = handledMs;
  }
}
