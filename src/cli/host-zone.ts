import { timeZoneError } from '../cron/index.ts';

/**
 * What is wrong with a name for the zone of the host; undefined when it is one. `Local` is refused: to schedules it means
 * UTC, to people this machine's own zone.
 */
export function hostZoneError(name: string): string | undefined {
  if (name === '') return 'must not be empty';
  if (name.toLowerCase() === 'local') return 'must be named, as Europe/Berlin';
  return timeZoneError(name);
}
