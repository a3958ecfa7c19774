// How long one `next` takes: npx tsx bench/cron.bench.ts [calls per measurement]
import { systemClock } from '../src/clock/index.ts';
import { parseSchedule } from '../src/cron/index.ts';

const calls = Number(process.argv[2] ?? 1_000_000);
const expressions = ['* * * * *', '*/5 * * * *', '0 * * * *', '0 3 * * *', '0 16 * * 1-5', '0 0 1 * *', '0 0 29 2 *'];
const zones = ['UTC', 'America/New_York', 'Australia/Lord_Howe'];
const startMs = Date.UTC(2026, 0, 1);
const endMs = Date.UTC(2034, 0, 1);

/** Follows the schedule for eight years, again and again. */
function chainMicros(expression: string, timeZone: string): number {
  const schedule = parseSchedule(expression, { timeZone });
  let atMs = startMs;
  const begunMs = systemClock.monotonic();
  for (let i = 0; i < calls; i++) {
    atMs = schedule.next(atMs);
    if (!(atMs < endMs)) atMs = startMs;
  }
  return ((systemClock.monotonic() - begunMs) * 1000) / calls;
}

/** Asks from instants all over the eight years. */
function scatteredMicros(expression: string, timeZone: string): number {
  const schedule = parseSchedule(expression, { timeZone });
  let sum = 0;
  const begunMs = systemClock.monotonic();
  for (let i = 0; i < calls; i++) sum += schedule.next(startMs + ((i * 7_919_000_017) % (endMs - startMs)));
  if (sum === 0) throw new Error('nothing was computed');
  return ((systemClock.monotonic() - begunMs) * 1000) / calls;
}

function row(cells: readonly string[]): string {
  return cells.map((cell, index) => (index === 0 ? cell.padEnd(16) : cell.padStart(32))).join('');
}

for (const round of ['warm-up', 'measured']) {
  console.log(row([round, ...zones]));
  for (const expression of expressions) {
    const cells = zones.map((zone) => {
      const [chain, scattered] = [chainMicros(expression, zone), scatteredMicros(expression, zone)];
      return `${chain.toFixed(3)} us / ${scattered.toFixed(3)} us`;
    });
    console.log(row([expression, ...cells]));
  }
}
console.log('following the schedule / from scattered instants');
