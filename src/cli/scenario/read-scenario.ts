import { formatDuration } from '../../engine/index.ts';
import { Faults, Fields, type Source } from './fields.ts';
import { readExpectations } from './read-expectations.ts';
import { readHappenings } from './read-happenings.ts';
import { readOutcomes } from './read-outcomes.ts';
import type { Scenario } from './scenario.ts';
import type { Span } from './span.ts';

const longestMs = 20 * 366 * 86_400_000;
const lastInstantMs = Date.UTC(9999, 0, 1);

/**
 * Reads a document of kind Scenario.
 * @throws UsageError with everything that is wrong with it, each with file, line and path
 */
export function readScenario(source: Source): Scenario {
  const faults = new Faults();
  const top = new Fields(source, faults, { path: [], value: source.document.value });
  top.raw('apiVersion');
  top.raw('kind');
  const metadata = top.map('metadata');
  const name = metadata?.text('name') ?? source.file;
  metadata?.finish();
  const spec = top.map('spec');
  if (spec === undefined) top.fault(undefined, 'spec is missing');
  top.finish();
  faults.throwIfAny();
  const fields = spec!;
  const span = readSpan(fields);
  // Instants of the rest are judged against the span: without one, nothing more can be said.
  if (span === undefined) faults.throwIfAny();
  const known = span!;
  const scenario: Scenario = {
    name,
    source,
    ...known,
    seed: fields.integer('seed', { atLeast: 0, atMost: 2 ** 32 - 1 }) ?? 1,
    manifests: readNames(fields),
    outcomes: readOutcomes(fields.maps('outcomes'), known),
    happenings: readHappenings(fields, known),
    expectations: readExpectations(fields.maps('expect'), known),
  };
  fields.finish();
  faults.throwIfAny();
  return scenario;
}

function readSpan(spec: Fields): Span | undefined {
  const startMs = spec.instant('start');
  if (startMs === undefined && !spec.has('start')) spec.fault(undefined, 'start is missing');
  const durationMs = spec.duration('duration');
  if (durationMs === undefined && !spec.has('duration')) spec.fault(undefined, 'duration is missing');
  const timeZone = spec.timeZone('timeZone') ?? 'UTC';
  if (durationMs === 0) spec.fault('duration', 'must be longer than nothing');
  if (durationMs !== undefined && durationMs > longestMs)
    spec.fault('duration', `must not be longer than ${formatDuration(longestMs)}`);
  if (startMs !== undefined && startMs < 0) spec.fault('start', 'must not be before 1970');
  if (startMs !== undefined && startMs + (durationMs ?? 0) > lastInstantMs)
    spec.fault('start', 'must be so that the scenario ends before 9999');
  if (startMs === undefined || durationMs === undefined) return undefined;
  return { startMs, endMs: startMs + durationMs, timeZone };
}

function readNames(spec: Fields): readonly string[] {
  return spec.list('manifests').filter((name): name is string => {
    if (typeof name !== 'string' || name === '') spec.fault('manifests', 'must be file names');
    return typeof name === 'string';
  });
}
