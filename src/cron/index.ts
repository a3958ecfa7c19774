// The cron language of Kubernetes: reading schedules, their instants, and saying them in plain English. Promises: pure;
// the grammar, the error texts and the instants of robfig/cron v3 `ParseStandard` (docs/decisions names the deviations);
// `next` always moves forward and always ends. Imports nothing and knows no clock: instants are arguments.
export { everyMs } from './every.ts';
export { describe } from './describe.ts';
export { occurrences, type OccurrenceRange } from './occurrences.ts';
export { parseSchedule, scheduleError, type ParseOptions } from './parse-schedule.ts';
export type { Schedule } from './schedule.ts';
export { formatInZone } from './format-in-zone.ts';
export { timeZoneError } from './time-zone.ts';
