import {
  countIndexes,
  formatIndexes,
  jobFinishedCondition,
  lastAppliedAnnotation,
  parseIndexes,
  type Container,
  type EnvVar,
  type IndexRanges,
  type Job,
  type PodSpec,
} from '../../api/index.ts';

/** Which indexes of the first Job a rerun works on, in order: `3,17-20`. On the Job, and in its containers' environment. */
const annotation = 'rondo.dev/rerun-indexes';
const variable = 'RERUN_INDEXES';
const indexVariable = 'JOB_COMPLETION_INDEX';
const indexLabel = 'batch.kubernetes.io/job-completion-index';
/** What the Job controller puts on templates and Jobs by itself. */
const owned = ['controller-uid', 'batch.kubernetes.io/controller-uid', 'job-name', 'batch.kubernetes.io/job-name'];

/** Why there is no such rerun. */
export class RerunError extends Error {}

/**
 * A Job that any cluster runs, for the indexes of an Indexed Job that have not succeeded (of one that still runs: those that
 * have failed for good). Its own indexes begin at 0, as they must; a few words of shell before each command put the
 * index of the first Job into JOB_COMPLETION_INDEX. Pure.
 * @throws RerunError for what cannot be run again like that
 */
export function rerunOf(job: Job, name: string): object {
  const { spec } = job;
  if (spec.completionMode !== 'Indexed' || spec.completions === undefined)
    throw new RerunError(`job ${job.metadata.name} is not Indexed: create it again as it is`);
  const failed = failedIndexes(job);
  const count = countIndexes(failed);
  if (count === 0) throw new RerunError(`no index of job ${job.metadata.name} has failed`);
  const before = job.metadata.annotations?.[annotation];
  const indexes = formatIndexes(before === undefined ? failed : taken(parseIndexes(before, Infinity), failed));
  const { selector: _selector, manualSelector: _manual, template, maxFailedIndexes, ...rest } = spec;
  const wrap = (container: Container): Container =>
    before === undefined ? wrapped(container, indexes) : { ...container, env: withIndexes(container.env, indexes) };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace: job.metadata.namespace,
      ...part('labels', without(job.metadata.labels, owned)),
      annotations: { ...without(job.metadata.annotations, [lastAppliedAnnotation]), [annotation]: indexes },
    },
    spec: {
      ...rest,
      completions: count,
      parallelism: Math.min(spec.parallelism ?? 1, count),
      ...(maxFailedIndexes !== undefined && { maxFailedIndexes: Math.min(maxFailedIndexes, count) }),
      template: {
        metadata: { ...template.metadata, ...part('labels', without(template.metadata?.labels, owned)) },
        spec: podSpec(template.spec, wrap),
      },
    },
  };
}

function failedIndexes(job: Job): IndexRanges {
  const { completions = 0 } = job.spec;
  const ranges = (text: string | undefined): IndexRanges => parseIndexes(text ?? '', completions);
  if (jobFinishedCondition(job) === undefined) return ranges(job.status?.failedIndexes);
  const gaps: { first: number; last: number }[] = [];
  let next = 0;
  for (const { first, last } of [...ranges(job.status?.completedIndexes), { first: completions, last: completions }]) {
    if (first > next) gaps.push({ first: next, last: first - 1 });
    next = last + 1;
  }
  return gaps;
}

/** Of the numbers in `all`, those at these places. */
function taken(all: IndexRanges, places: IndexRanges): IndexRanges {
  const found: { first: number; last: number }[] = [];
  let begin = 0;
  for (const { first, last } of all) {
    const end = begin + last - first;
    for (const place of places) {
      const [from, to] = [Math.max(place.first, begin), Math.min(place.last, end)];
      if (from <= to) found.push({ first: first + from - begin, last: first + to - begin });
    }
    begin = end + 1;
  }
  return found;
}

function podSpec(spec: PodSpec | undefined, wrap: (container: Container) => Container): PodSpec {
  const given: PodSpec = spec ?? { containers: [] };
  if (JSON.stringify(given.volumes ?? []).includes(indexLabel))
    throw new RerunError('a volume shows the index to the containers, and would show the one of the rerun');
  const { initContainers } = given;
  return {
    ...given,
    ...(initContainers && { initContainers: initContainers.map(wrap) }),
    containers: given.containers.map(wrap),
  };
}

function wrapped(container: Container, indexes: string): Container {
  const { name, command = [], args = [], env = [] } = container;
  if (command.length === 0)
    throw new RerunError(
      `container ${name} names no command: that of its image is not known, so nothing can be put before it`,
    );
  const showing = env.filter((one) => one.valueFrom?.fieldRef?.fieldPath?.includes(indexLabel));
  const rest = env.filter((one) => !showing.includes(one));
  if (JSON.stringify([command, args, rest]).includes(`$(${indexVariable})`))
    throw new RerunError(
      `container ${name} has $(${indexVariable}) in its command or environment, which would be the index of the rerun; let the program read the variable`,
    );
  const names = [indexVariable, ...showing.map((one) => one.name).filter((one) => one !== indexVariable)];
  return {
    ...container,
    command: ['/bin/sh', '-c', remap(names), 'rerun'],
    args: [...command, ...args],
    env: withIndexes(rest, indexes),
  };
}

function withIndexes(env: readonly EnvVar[] = [], indexes: string): EnvVar[] {
  return [...env.filter(({ name }) => name !== variable), { name: variable, value: indexes }];
}

/** POSIX shell: counts through the ranges to the one that the index lies in, then becomes the command. */
function remap(names: readonly string[]): string {
  return [
    `left=$${indexVariable} IFS=,`,
    `for range in $${variable}`,
    'do first=${range%-*} last=${range#*-}',
    'if [ "$left" -le $((last - first)) ]; then break; fi',
    'left=$((left - (last - first) - 1))',
    'done',
    'unset IFS',
    ...names.map((name) => `export ${name}=$((first + left))`),
    'exec "$@"',
  ].join('\n');
}

function without(
  map: Readonly<Record<string, string>> | undefined,
  keys: readonly string[],
): Record<string, string> | undefined {
  const left = Object.entries(map ?? {}).filter(([key]) => !keys.includes(key));
  return left.length === 0 ? undefined : Object.fromEntries(left);
}

function part<T>(name: string, value: T | undefined): Record<string, T> {
  return value === undefined ? {} : { [name]: value };
}
