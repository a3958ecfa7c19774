import { scheduleError } from '../../../cron/index.ts';

/** What upstream's parser says of a schedule that it cannot read. That it ever matches is not asked. */
export function scheduleFormatErrors(schedule: string): readonly string[] {
  const error = scheduleError(schedule);
  return error === undefined ? [] : [error];
}
