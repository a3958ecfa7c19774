import { describe, formatInZone } from '../../cron/index.ts';
import type { Plan, PlanOptions } from './plan.ts';
import type { Warning } from './warnings.ts';

/** A table for people: all listed occurrences in order, then the warnings. */
export function previewText(plans: readonly Plan[], warnings: readonly Warning[], options: PlanOptions): string {
  const lines: string[] = [];
  for (const plan of plans) {
    lines.push(
      `${plan.name}  ${plan.spec.schedule}  ${plan.count} ${plan.count === 1 ? 'time' : 'times'}`,
      `  ${describe(plan.schedule.expression)}`,
    );
  }
  const rows = plans.flatMap(({ name, listed, timeZone }) => listed.map((atMs) => ({ atMs, name, timeZone })));
  rows.sort((a, b) => a.atMs - b.atMs);
  if (rows.length > 0) {
    const cells = rows.map(({ atMs, name, timeZone }) => [utc(atMs), formatInZone(atMs, timeZone), timeZone, name]);
    lines.push('', ...table([['UTC', 'LOCAL', 'ZONE', 'CRONJOB'], ...cells]));
  }
  for (const { name, listed, count } of plans) {
    if (count > listed.length && options.limit > 0)
      lines.push(`... and ${count - listed.length} more of ${name} (--limit)`);
  }
  if (warnings.length > 0) lines.push('');
  for (const { about, place, message } of warnings) {
    lines.push(`warning: ${about === '' ? '' : `${about} (${place}) `}${message}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The same for machines. */
export function previewJson(plans: readonly Plan[], warnings: readonly Warning[], options: PlanOptions): object {
  return {
    from: utc(options.fromMs),
    to: utc(options.toMs),
    zone: options.hostZone,
    cronJobs: plans.map(({ name, spec, timeZone, schedule, count, listed }) => ({
      name,
      schedule: spec.schedule,
      timeZone,
      description: describe(schedule.expression),
      count,
      occurrences: listed.map((atMs) => ({ at: utc(atMs), local: formatInZone(atMs, timeZone) })),
    })),
    warnings: warnings.map(({ about, place, type, message }) => ({
      ...(about === '' ? {} : { cronJob: about, at: place }),
      type,
      message,
    })),
  };
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('   ')
      .trimEnd(),
  );
}

function utc(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
