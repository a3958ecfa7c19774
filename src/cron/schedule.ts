/** When something is due. Instants are milliseconds since the epoch. Immutable. */
export interface Schedule {
  /** What was parsed, with the zone prefix if there was one. */
  readonly expression: string;
  /** The zone that the fields are read in: an IANA name. (`@every` has no use for it.) */
  readonly timeZone: string;
  /**
   * The first instant after `afterMs`; never `afterMs` itself. NaN when there is none up to the end of the fifth year
   * after that of `afterMs` (upstream answers the zero time), and when `afterMs` is no time.
   */
  next(afterMs: number): number;
  /**
   * The last instant before `beforeMs` that `next` can answer; never `beforeMs` itself. NaN when there is none in the
   * eight years before. `@every` has no instants of its own, only distances: there it is the time from which `next`
   * answers `beforeMs`.
   */
  previous(beforeMs: number): number;
}

/** Beyond these, JavaScript has no calendar: `next` and `previous` answer NaN. */
export const maxInstantMs = 8.64e15 - 10 * 366 * 86_400_000;
