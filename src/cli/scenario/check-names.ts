import type { Container } from '../../api/index.ts';
import { Faults } from './fields.ts';
import { fits } from './names.ts';
import type { LocatedManifest } from './read-files.ts';
import type { Scenario } from './scenario.ts';

/**
 * Checks that what a scenario talks about exists: a misspelled name would make many promises hold by themselves.
 * @throws UsageError
 */
export function checkNames(scenario: Scenario, manifests: readonly LocatedManifest[]): void {
  const faults = new Faults();
  const cronJobs: string[] = [];
  const jobs: string[] = [];
  const pods: string[] = [];
  const containers = new Set<string>();
  const note = (manifest: LocatedManifest['manifest']): void => {
    const key = `${manifest.metadata.namespace}/${manifest.metadata.name}`;
    if (manifest.kind === 'CronJob') cronJobs.push(key);
    if (manifest.kind === 'Job') jobs.push(key);
    if (manifest.kind === 'Pod') pods.push(key);
    for (const name of containersOf(manifest)) containers.add(name);
  };
  for (const { manifest } of manifests) note(manifest);
  for (const happening of scenario.happenings) if (happening.type === 'apply') note(happening.manifest);

  const demand = (path: readonly (string | number)[], pattern: string | undefined, known: readonly string[]): void => {
    if (pattern === undefined || known.some((key) => fits(pattern, key))) return;
    const among = known.length === 0 ? 'there are none' : `there are ${known.join(', ')}`;
    faults.add(scenario.source, path, `nothing is named ${pattern}; ${among}`);
  };
  for (const happening of scenario.happenings) {
    if ('cronJob' in happening) demand([...happening.path, happening.type], happening.cronJob, cronJobs);
  }
  // Jobs of CronJobs have names of their own, with a number behind.
  const demandJob = (path: readonly (string | number)[], job: string | undefined, known: readonly string[]): void => {
    if (job !== undefined && !cronJobs.some((key) => mayMake(key, job))) demand([...path, 'job'], job, known);
  };
  scenario.outcomes.forEach(({ job }, index) =>
    demandJob(['spec', 'outcomes', index], job, [...cronJobs, ...jobs, ...pods]),
  );
  scenario.outcomes.forEach(({ container }, index) =>
    demand(['spec', 'outcomes', index, 'container'], container, [...containers]),
  );
  for (const { path, cronJob, job } of scenario.expectations) {
    demand([...path, 'cronJob'], cronJob, cronJobs);
    demandJob(path, job, jobs);
  }
  faults.throwIfAny();
}

/** Whether a Job of a CronJob may fit a pattern. */
function mayMake(cronJob: string, pattern: string): boolean {
  const literal = pattern.split('*')[0]!;
  return literal.startsWith(`${cronJob}-`) || (pattern.includes('*') && `${cronJob}-`.startsWith(literal));
}

/** As far as it is read here; a change that is applied may leave out any of it. */
interface View {
  readonly spec?: View;
  readonly template?: View;
  readonly jobTemplate?: View;
  readonly initContainers?: readonly Container[];
  readonly containers?: readonly Container[];
}

/** Names of the containers of a Pod, or of the Pods that a Job or CronJob makes. */
function containersOf({ spec }: LocatedManifest['manifest']): readonly string[] {
  const given = spec as View | undefined;
  const job = given?.jobTemplate?.spec ?? given;
  const pod = job?.template?.spec ?? job;
  return [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])].map(({ name }) => name);
}
