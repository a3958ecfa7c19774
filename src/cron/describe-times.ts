import type { Fields } from './fields.ts';
import { evenStep, joined, runs } from './word-lists.ts';

/** More than these are told as a rule instead of one by one. */
const maxTimes = 6;

/** The part of the sentence about the time of day. */
export function timesInWords({ minute, hour }: Pick<Fields, 'minute' | 'hour'>): string {
  const [minutes, hours] = [minute.values, hour.values];
  const isOneRun = isRun(hours);
  const everyFew = minutes.length === 60 ? 1 : evenStep(minutes, 60);
  if (everyFew !== undefined) return `Every ${few(everyFew, 'minute')}${hourLimits(hours, minutes)}`;
  const [only] = minutes;
  if (only !== undefined && minutes.length === 1) {
    if (hours.length === 24) return everyHour('Every hour', only);
    const step = evenStep(hours, 24);
    if (step !== undefined && hours.length > 2) return everyHour(`Every ${few(step, 'hour')}`, only);
    if (isOneRun && hours.length > 3) {
      return `Every hour from ${clock(hours[0], only)} to ${clock(hours[hours.length - 1], only)}`;
    }
  }
  const isShort = hours.length * minutes.length <= maxTimes || (minutes.length === 1 && hours.length < 24);
  if (isShort) return `At ${joined(hours.flatMap((value) => minutes.map((part) => clock(value, part))))}`;
  const past = `At ${joined(runs(minutes, String))} minutes past`;
  return hours.length === 24 ? `${past} every hour` : `${past} the ${hoursInWords(hours)}`;
}

function everyHour(beginning: string, minute: number): string {
  if (minute === 0) return `${beginning}, on the hour`;
  return `${beginning}, at ${minute} ${minute === 1 ? 'minute' : 'minutes'} past the hour`;
}

/** `every 5 minutes` in which hours: nothing for all, from–to for a run. */
function hourLimits(hours: readonly number[], minutes: readonly number[]): string {
  if (hours.length === 24) return '';
  if (!isRun(hours)) return ` in the ${hoursInWords(hours)}`;
  return ` from ${clock(hours[0], 0)} to ${clock(hours[hours.length - 1], minutes[minutes.length - 1])}`;
}

function hoursInWords(hours: readonly number[]): string {
  const texts = runs(hours, (hour) => String(hour).padStart(2, '0'));
  return `${hours.length === 1 ? 'hour' : 'hours'} ${joined(texts)}`;
}

function few(amount: number, unit: string): string {
  return amount === 1 ? unit : `${amount} ${unit}s`;
}

function isRun(values: readonly number[]): boolean {
  return (values[values.length - 1] ?? 0) - (values[0] ?? 0) === values.length - 1;
}

function clock(hour: number | undefined, minute: number | undefined): string {
  return `${String(hour ?? 0).padStart(2, '0')}:${String(minute ?? 0).padStart(2, '0')}`;
}
