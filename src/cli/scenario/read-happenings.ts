import type { Fields } from './fields.ts';
import { qualified } from './names.ts';
import { checkManifest } from './read-files.ts';
import { faultOutside, instantInside, type Span } from './span.ts';
import type { Act, Happening } from './scenario.ts';

const acts = ['engineDown', 'suspend', 'resume', 'trigger', 'apply', 'delete', 'clockStep'] as const;

/** Reads `spec.happenings` into the order of their instants; at one instant, they come in the order in which they stand. */
export function readHappenings(spec: Fields, span: Span): readonly Happening[] {
  const read = spec.maps('happenings').flatMap((fields) => readHappening(fields, span));
  const ordered = read.toSorted(inTime);
  checkDowntimes(ordered);
  checkClockSteps(ordered, span);
  return ordered.map(({ happening }) => happening);
}

/** The end of a downtime comes before everything else at its instant. */
function inTime({ happening: a }: ReadHappening, { happening: b }: ReadHappening): number {
  return a.atMs - b.atMs || Number(b.type === 'engineUp') - Number(a.type === 'engineUp');
}

interface ReadHappening {
  readonly fields: Fields;
  readonly happening: Happening;
}

function readHappening(fields: Fields, span: Span): ReadHappening[] {
  const atMs = instantInside(fields, 'at', span);
  if (!fields.has('at')) fields.fault(undefined, 'at is missing');
  const named = acts.filter((name) => fields.has(name));
  if (named.length !== 1) fields.fault(undefined, `give exactly one of ${acts.join(', ')}`);
  const act = named[0] === undefined ? undefined : readAct(fields, named[0], { atMs: atMs ?? span.startMs, span });
  fields.finish();
  if (atMs === undefined || act === undefined) return [];
  const { path } = fields;
  const happening: Happening = { atMs, path, ...act };
  if (act.type !== 'engineDown') return [{ fields, happening }];
  return [
    { fields, happening },
    { fields, happening: { atMs: act.untilMs, path, type: 'engineUp' } },
  ];
}

function readAct(
  fields: Fields,
  name: (typeof acts)[number],
  time: { readonly atMs: number; readonly span: Span },
): Act | undefined {
  switch (name) {
    case 'engineDown':
      return readDowntime(fields, time);
    case 'suspend':
    case 'resume':
    case 'trigger': {
      const cronJob = fields.text(name);
      return cronJob === undefined ? undefined : { type: name, cronJob: qualified(cronJob) };
    }
    case 'apply': {
      const value = fields.raw('apply');
      if (value === undefined) return undefined;
      return { type: 'apply', manifest: checkManifest(fields.source, [...fields.path, 'apply'], value) };
    }
    case 'delete': {
      const map = fields.map('delete');
      if (map === undefined) return undefined;
      const kind = map.oneOf('kind', ['CronJob', 'Job', 'Pod', 'ConfigMap', 'Secret', 'Namespace']);
      const object = map.text('name');
      if (kind === undefined || object === undefined) map.fault(undefined, 'needs kind and name');
      map.finish();
      return { type: 'delete', kind: kind ?? '', name: qualified(object ?? '') };
    }
    case 'clockStep': {
      const byMs = fields.signedDuration('clockStep');
      return byMs === undefined ? undefined : { type: 'clockStep', byMs };
    }
  }
}

/** `engineDown: 2h`, or `engineDown: { until: INSTANT }`. */
function readDowntime(fields: Fields, { atMs, span }: { readonly atMs: number; readonly span: Span }): Act | undefined {
  if (typeof fields.raw('engineDown') !== 'object') {
    const ms = fields.duration('engineDown');
    if (ms === undefined) return undefined;
    if (ms === 0) fields.fault('engineDown', 'must be longer than nothing');
    faultOutside(fields, 'engineDown', { atMs: atMs + ms, span });
    return { type: 'engineDown', untilMs: atMs + ms };
  }
  const map = fields.map('engineDown')!;
  const untilMs = instantInside(map, 'until', span);
  map.finish();
  if (untilMs !== undefined && untilMs <= atMs) map.fault('until', 'is not after at');
  return untilMs === undefined ? undefined : { type: 'engineDown', untilMs };
}

/** While the engine is down nobody can ask it for anything, and it cannot go down. */
function checkDowntimes(ordered: readonly ReadHappening[]): void {
  let downUntilMs = -Infinity;
  for (const { fields, happening } of ordered) {
    const { type, atMs } = happening;
    if (type === 'engineUp' || type === 'clockStep') continue;
    if (atMs < downUntilMs) fields.fault('at', 'lies in a time in which the engine is down');
    if (type === 'engineDown') downUntilMs = Math.max(downUntilMs, happening.untilMs);
  }
}

const lastInstantMs = Date.UTC(9999, 0, 1);

/** Steps of the clock must leave it where there is a calendar. */
function checkClockSteps(ordered: readonly ReadHappening[], { endMs }: Span): void {
  let aheadMs = 0;
  for (const { fields, happening } of ordered) {
    if (happening.type !== 'clockStep') continue;
    if (happening.byMs === 0) fields.fault('clockStep', 'must be longer than nothing');
    aheadMs += happening.byMs;
    if (happening.atMs + aheadMs < 0) fields.fault('clockStep', 'sets the clock to before 1970');
    if (endMs + aheadMs > lastInstantMs) fields.fault('clockStep', 'sets the clock so far ahead that it passes 9999');
  }
}
