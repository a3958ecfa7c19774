// Time and chance as parameters. Promises: nothing else in Rondo touches Date, timers, Math.random or crypto
// randomness. Must not know what time is used for.
export { sleep, type Clock, type Timer } from './clock.ts';
export { randomInteger, type Random } from './random.ts';
export { systemClock, systemRandom } from './system.ts';
export { seededRandom } from './seeded.ts';
export { VirtualClock, virtualStartMs, type VirtualClockOptions } from './virtual.ts';
