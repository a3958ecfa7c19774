import { expect, it } from 'vitest';
import { describe as describeSchedule } from './index.ts';

const cases: readonly (readonly [expression: string, sentence: string])[] = [
  ['* * * * *', 'Every minute'],
  ['*/5 * * * ?', 'Every 5 minutes'],
  ['*/5 9-17 * * 1-5', 'Every 5 minutes from 09:00 to 17:55, Monday to Friday'],
  ['*/30 8,12 * * *', 'Every 30 minutes in the hours 08 and 12'],
  ['* 3 * * *', 'Every minute from 03:00 to 03:59'],
  ['0 * * * *', 'Every hour, on the hour'],
  ['@hourly', 'Every hour, on the hour'],
  ['15 * * * *', 'Every hour, at 15 minutes past the hour'],
  ['1 */2 * * *', 'Every 2 hours, at 1 minute past the hour'],
  ['0 9-17 * * *', 'Every hour from 09:00 to 17:00'],
  ['0 */5 * * *', 'At 00:00, 05:00, 10:00, 15:00 and 20:00'],
  ['0,12 6,18 * * *', 'At 06:00, 06:12, 18:00 and 18:12'],
  ['5,6,7,30 * * * *', 'At 5 to 7 and 30 minutes past every hour'],
  ['1-10 0,6,12,18 * * *', 'At 1 to 10 minutes past the hours 00, 06, 12 and 18'],
  ['0 3 * * *', 'At 03:00'],
  ['@weekly', 'At 00:00, on Sundays'],
  ['0 9 * * sat,sun', 'At 09:00, on Saturdays and Sundays'],
  ['0 9 * * 0,5,6', 'At 09:00, Friday to Sunday'],
  ['0 9 * * 1,3,5', 'At 09:00, on Mondays, Wednesdays and Fridays'],
  ['@monthly', 'At 00:00, on day 1 of the month'],
  ['0 0 1,15 * *', 'At 00:00, on days 1 and 15 of the month'],
  ['59 23 28-31 * *', 'At 23:59, on days 28 to 31 of the month'],
  ['@yearly', 'At 00:00, on 1 January'],
  ['0 12 24,25 dec *', 'At 12:00, on 24 and 25 December'],
  ['0 0 1 jan/3 *', 'At 00:00, on day 1 of the month, in January, April, July and October'],
  ['0 6 * 6-8 *', 'At 06:00, every day in June to August'],
  ['0 6 * 6-8 1', 'At 06:00, on Mondays, in June to August'],
  ['0 0 13 * 5', 'At 00:00, on day 13 of the month and also on Fridays'],
  ['0 0 */1 * 1', 'At 00:00, on Mondays'],
  ['0 0 1-31 * 1', 'At 00:00'],
  ['0 0 31 2 1', 'At 00:00, on day 31 of the month and also on Mondays, in February'],
  ['0 0 , * 1', 'At 00:00, on Mondays'],
  ['0 0 30 2 *', 'Never: no date matches'],
  [', * * * *', 'Never: no date matches'],
  ['TZ=America/New_York 0 16 * * 1-5', 'At 16:00, Monday to Friday (America/New_York)'],
  ['@every 1h30m', 'Every 1 hour and 30 minutes, counted from the time before'],
  ['@every 5m', 'Every 5 minutes, counted from the time before'],
  ['@every 1s', 'Every second, counted from the time before'],
];

it.each(cases)('says %j as %j', (expression, sentence) => {
  expect(describeSchedule(expression)).toBe(sentence);
});

it('refuses what cannot be parsed, with the error of the parser', () => {
  expect(() => describeSchedule('61 * * * *')).toThrow('end of range (61) above maximum (59): 61');
});
