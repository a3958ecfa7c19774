import { describe, expect, it } from 'vitest';
import { parseSchedule } from '../../../cron/index.ts';
import { ticksFrom } from './aligned.ts';
import { causedSpans, concurrency, suspended, type Ambient, type Cause, type Leap, type Segment } from './causes.ts';

const day = '2026-03-01';
const at = (time: string): number => Date.parse(`${day}T${time}:00Z`);
const clockText = (ms: number): string => new Date(ms).toISOString().slice(11, 16);
const late: Cause = { outcome: 'Missed', reason: 'Late', message: 'late' };
const blocked = concurrency([{ name: 'a' }]);

interface Row {
  readonly name: string;
  readonly segments?: readonly Segment[];
  readonly started?: string;
  readonly leaps?: readonly Leap[];
  readonly spans: readonly string[];
}

/** Ticks of every ten minutes after 10:00 up to 11:00; the engine was up long before, unless a row says otherwise. */
function spansOf({ segments = [], started = '00:00', leaps = [] }: Row): readonly string[] {
  const ambient: Ambient = { startedMs: at(started), aliveMs: undefined, leaps, otherwise: late };
  const window = {
    ticks: ticksFrom(parseSchedule('*/10 * * * *'), at('10:00')),
    fromMs: at('10:00'),
    toMs: at('11:00'),
  };
  return causedSpans(window, segments, ambient).map(
    ({ fromMs, toMs, firstMs, cause }) =>
      `${clockText(fromMs)}-${clockText(toMs)} from ${clockText(firstMs)} ${cause.reason}`,
  );
}

describe('the causes of ticks that did not run', () => {
  it.each<Row>([
    { name: 'one for all if nothing else is known', spans: ['10:00-11:00 from 10:10 Late'] },
    {
      name: 'what was found first holds up to where it was found',
      segments: [{ toMs: at('10:25'), cause: suspended }],
      spans: ['10:00-10:25 from 10:10 Suspended', '10:25-11:00 from 10:30 Late'],
    },
    {
      name: 'a tick at the very end of a segment belongs to it',
      segments: [{ toMs: at('10:30'), cause: suspended }],
      spans: ['10:00-10:30 from 10:10 Suspended', '10:30-11:00 from 10:40 Late'],
    },
    {
      name: 'a segment between two ticks leaves no span',
      segments: [
        { toMs: at('10:21'), cause: suspended },
        { toMs: at('10:29'), cause: blocked },
      ],
      spans: ['10:00-10:21 from 10:10 Suspended', '10:29-11:00 from 10:30 Late'],
    },
    {
      name: 'a cause that is found twice is one span',
      segments: [
        { toMs: at('10:25'), cause: blocked },
        { toMs: at('10:45'), cause: concurrency([{ name: 'a' }]) },
      ],
      spans: ['10:00-10:45 from 10:10 ConcurrencyPolicy', '10:45-11:00 from 10:50 Late'],
    },
    {
      name: 'another Job in the way is another cause',
      segments: [
        { toMs: at('10:25'), cause: blocked },
        { toMs: at('11:00'), cause: concurrency([{ name: 'b' }]) },
      ],
      spans: ['10:00-10:25 from 10:10 ConcurrencyPolicy', '10:25-11:00 from 10:30 ConcurrencyPolicy'],
    },
    {
      name: 'before the start of the engine it was down',
      started: '10:35',
      spans: ['10:00-10:35 from 10:10 EngineDown', '10:35-11:00 from 10:40 Late'],
    },
    {
      name: 'a suspension is the cause also while the engine was down',
      started: '10:35',
      segments: [{ toMs: at('11:00'), cause: suspended }],
      spans: ['10:00-11:00 from 10:10 Suspended'],
    },
    {
      name: 'what the clock leapt over',
      leaps: [{ fromMs: at('10:15'), toMs: at('10:45') }],
      spans: ['10:00-10:15 from 10:10 Late', '10:15-10:45 from 10:20 ClockStep', '10:45-11:00 from 10:50 Late'],
    },
    {
      name: 'a segment without a cause asks the surroundings',
      started: '10:35',
      segments: [
        { toMs: at('10:50'), cause: undefined },
        { toMs: at('11:00'), cause: suspended },
      ],
      spans: ['10:00-10:35 from 10:10 EngineDown', '10:35-10:50 from 10:40 Late', '10:50-11:00 from 11:00 Suspended'],
    },
  ])('$name', (row) => {
    expect(spansOf(row)).toEqual(row.spans);
  });
});

describe('the ticks of `@every`', () => {
  it('are counted from their anchor in both directions', () => {
    const ticks = ticksFrom(parseSchedule('@every 7m'), at('10:00'));
    expect([ticks.after(at('10:00')), ticks.after(at('10:06')), ticks.after(at('10:07'))].map(clockText)).toEqual([
      '10:07',
      '10:07',
      '10:14',
    ]);
    expect([ticks.before(at('10:07')), ticks.before(at('10:08')), ticks.before(at('10:00'))].map(clockText)).toEqual([
      '10:00',
      '10:07',
      '09:53',
    ]);
  });
});
