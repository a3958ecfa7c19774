import { timeZoneError } from '../../../cron/index.ts';

const partPattern = /^[A-Za-z.\-_0-9+]{1,14}$/;

/** What is wrong with spec.timeZone. Upstream: batch validation `validateTimeZone`. */
export function timeZoneErrors(zone: string): readonly string[] {
  if (zone === '') return ['timeZone must be nil or non-empty string'];
  const isMalformed = zone
    .split('/')
    .some((part) => part === '.' || part === '..' || part.startsWith('-') || !partPattern.test(part));
  if (isMalformed) return [`unknown time zone ${zone}`];
  const errors: string[] = [];
  if (zone.toLowerCase() === 'local') {
    errors.push('timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones');
  }
  const unknown = timeZoneError(zone);
  if (unknown !== undefined) errors.push(unknown);
  return errors;
}
