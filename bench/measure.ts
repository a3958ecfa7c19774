// What all workloads share: options, rows with limits and targets, medians, the machine.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

export interface RunOptions {
  readonly quick: boolean;
}

export interface Row {
  readonly what: string;
  /** Median of the runs. */
  readonly achieved: number;
  readonly unit: string;
  /** The physical limit measured in the same run. */
  readonly limit?: { readonly what: string; readonly value: number };
  /** The ratio to the limit matters, not the number itself. */
  readonly target?:
    | { readonly atLeast: number }
    | { readonly atMost: number }
    | { readonly ratioAtLeast: number }
    | { readonly overLimitAtMost: number };
  readonly runs: readonly number[];
}

export interface Workload {
  readonly name: string;
  readonly title: string;
  run(options: RunOptions): Promise<readonly Row[]>;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** A row of the median of some runs. */
export function row(
  what: string,
  unit: string,
  runs: readonly number[],
  more: Pick<Row, 'limit' | 'target'> = {},
): Row {
  return { what, unit, runs, achieved: median(runs), ...more };
}

export function isMet({ achieved, limit, target }: Row): boolean | undefined {
  if (target === undefined) return undefined;
  if ('atLeast' in target) return achieved >= target.atLeast;
  if ('atMost' in target) return achieved <= target.atMost;
  const against = limit?.value ?? NaN;
  return 'ratioAtLeast' in target
    ? achieved / against >= target.ratioAtLeast
    : achieved - against <= target.overLimitAtMost;
}

export function targetText({ target, unit }: Row): string {
  if (target === undefined) return '';
  if ('atLeast' in target) return `≥ ${show(target.atLeast)}`;
  if ('atMost' in target) return `≤ ${show(target.atMost)}`;
  return 'ratioAtLeast' in target ? `≥ ${target.ratioAtLeast} × limit` : `≤ limit + ${target.overLimitAtMost} ${unit}`;
}

export function show(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

/** A table for the terminal and for Markdown. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((one) => {
    const spread = one.runs.length > 1 ? `${show(Math.min(...one.runs))} – ${show(Math.max(...one.runs))}` : '';
    const { limit } = one;
    const limitText = limit === undefined ? '' : `${show(limit.value)} (${limit.what})`;
    const ratio = limit === undefined ? '' : (one.achieved / limit.value).toFixed(2);
    const met = isMet(one);
    const verdict = met === undefined ? '' : met ? 'yes' : '**no**';
    return [one.what, `${show(one.achieved)} ${one.unit}`, spread, limitText, ratio, targetText(one), verdict];
  });
  const all = [['what', 'median', 'min – max', 'limit, same run', 'ratio', 'target', 'met'], ...cells];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((line) => line[column]!.length)));
  const lines = all.map((line) => `| ${line.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`);
  return [lines[0], `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...lines.slice(1)].join('\n');
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly commit: string;
  readonly date: string;
}

export function machine(): Machine {
  const list = cpus();
  let commit = '';
  try {
    commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    commit = 'unknown';
  }
  return {
    cpu: list[0]?.model ?? 'unknown',
    cores: list.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    node: process.versions.node,
    commit,
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
  };
}

/** How busy the machine is besides: the load average of the last minute. */
export function load(): number {
  return Math.round((loadavg()[0] ?? 0) * 10) / 10;
}

/** Resident bytes of a process and all its descendants. Linux only. */
export function residentBytes(pid: number): number {
  let bytes = 0;
  for (const one of [pid, ...descendants(pid)]) {
    try {
      bytes += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${one}/status`, 'utf8'))?.[1] ?? 0) * 1024;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return bytes;
}

/** Seconds of CPU that a process and its descendants have used, to the nanosecond: ticks miss short work. Linux only. */
export function cpuSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const one of [pid, ...descendants(pid)]) {
    for (const thread of readdirSync(`/proc/${one}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${one}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    }
  }
  return nanoseconds / 1e9;
}

function descendants(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    return children.flatMap((child) => [Number(child), ...descendants(Number(child))]);
  } catch {
    return [];
  }
}
