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
  const note = (manifest: LocatedManifest['manifest']): void => {
    const key = `${manifest.metadata.namespace}/${manifest.metadata.name}`;
    if (manifest.kind === 'CronJob') cronJobs.push(key);
    if (manifest.kind === 'Job') jobs.push(key);
    if (manifest.kind === 'Pod') pods.push(key);
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
