import { formatDuration } from '../../engine/index.ts';
import type { Note, Run } from './recorder.ts';
import type { Recording } from './run-scenario.ts';
import { onTimeMs } from './ticks.ts';

/** A line of the timeline: one thing, or many of the same kind that follow one another. */
export interface TimelineEntry {
  readonly fromMs: number;
  readonly toMs: number;
  readonly about: string;
  readonly text: string;
  readonly count: number;
}

interface Item {
  readonly atMs: number;
  readonly about: string;
  /** Items of one kind that follow one another become one entry. */
  readonly kind: string;
  readonly text: string;
}

/** From so many on, entries of one kind become one. */
const together = 3;

/** What happened, in order, with runs that went alike told together. */
export function timelineOf({ recorder }: Recording): readonly TimelineEntry[] {
  const items = [...recorder.notes.map(noteItem), ...recorder.runs.map(runItem)];
  items.sort((a, b) => a.atMs - b.atMs);
  const groups: Item[][] = [];
  const open = new Map<string, Item[]>();
  for (const item of items) {
    // What concerns everybody, and what is done to a CronJob, ends the row of its runs.
    if (item.about === '') open.clear();
    const group = open.get(item.about);
    if (group !== undefined && group[0]!.kind === item.kind) group.push(item);
    else {
      const begun = [item];
      groups.push(begun);
      open.set(item.about, begun);
    }
  }
  return groups.flatMap(entriesOf).toSorted((a, b) => a.fromMs - b.fromMs);
}

function entriesOf(group: readonly Item[]): readonly TimelineEntry[] {
  const [first, last] = [group[0]!, group.at(-1)!];
  if (group.length < together) {
    return group.map(({ atMs, about, text }) => ({ fromMs: atMs, toMs: atMs, about, text, count: 1 }));
  }
  const { about, kind } = first;
  return [{ fromMs: first.atMs, toMs: last.atMs, about, text: `${kind} (${group.length} times)`, count: group.length }];
}

function noteItem({ atMs, about, text }: Note): Item {
  return { atMs, about, kind: text, text };
}

function runItem(run: Run): Item {
  const kind = `${outcomeText(run)}${startText(run)}`;
  const { endedMs, createdMs, job } = run;
  const took =
    endedMs === undefined || endedMs === createdMs ? '' : ` in ${formatDuration(roughly(endedMs - createdMs))}`;
  const name = job.slice(job.indexOf('/') + 1);
  return { atMs: createdMs, about: run.cronJob ?? job, kind, text: `${kind}${took} [${name}]` };
}

function outcomeText({ outcome, reason, failedPods }: Run): string {
  switch (outcome) {
    case 'succeeded':
      return failedPods === 0
        ? 'succeeded'
        : `succeeded after ${failedPods} failed ${failedPods === 1 ? 'Pod' : 'Pods'}`;
    case 'failed':
      return `FAILED (${reason})`;
    case 'deleted':
      return 'was deleted while it ran';
    case 'running':
      return 'still runs at the end';
  }
}

function startText({ tickMs, createdMs, cronJob }: Run): string {
  if (cronJob === undefined) return '';
  if (Number.isNaN(tickMs)) return ', started by hand';
  const lateMs = createdMs - tickMs;
  return lateMs <= onTimeMs ? '' : `, started ${formatDuration(Math.round(lateMs / 1000) * 1000)} late`;
}

/** Whole seconds, where milliseconds do not matter. */
function roughly(ms: number): number {
  return ms < 10_000 ? ms : Math.round(ms / 1000) * 1000;
}
