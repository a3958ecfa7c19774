import type { Clock } from '../../clock/index.ts';

/** How long a loop may hold the process before others get their turn. */
const sliceMs = 5;
/** Reading the clock costs more than most steps; it is looked at this often. */
const stepsPerLook = 16;

/** Keeps long loops polite: `if (pace.due()) await pace.rest()` in each step. */
export interface Pacer {
  due(): boolean;
  rest(): Promise<void>;
}

export function createPacer(clock: Clock): Pacer {
  let steps = 0;
  let sinceMs = clock.monotonic();
  return {
    due: () => ++steps % stepsPerLook === 0 && clock.monotonic() - sinceMs >= sliceMs,
    rest: async () => {
      await clock.yield();
      sinceMs = clock.monotonic();
    },
  };
}
