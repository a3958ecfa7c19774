/** All chance that Rondo uses. Seeded in tests, so that every run can be repeated. */
export interface Random {
  /** A uniform number in [0, 1). */
  float(): number;
  /** A random UUID, version 4. */
  uuid(): string;
  /** `length` unpredictable bytes (in the system implementation: fit for keys and tokens). */
  bytes(length: number): Uint8Array;
}

/** A uniform integer in [0, below). */
export function randomInteger(random: Random, below: number): number {
  return Math.floor(random.float() * below);
}
