import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addIndexes, formatIndexes, type Container, type Job, type JobSpec, type JobStatus } from '../../api/index.ts';
import { rerunOf } from './rerun-of.ts';

const container: Container = { name: 'c', image: 'i', command: ['run', '--all'], args: ['x y'] };

function jobOf(status: JobStatus, spec: Partial<JobSpec> = {}, own: Container = container): Job {
  const labels = { app: 'a', 'job-name': 'j', 'batch.kubernetes.io/job-name': 'j', 'controller-uid': 'u' };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      ...{ name: 'j', namespace: 'n', uid: 'u', resourceVersion: '7', creationTimestamp: '2026-01-01T00:00:00Z' },
      ...{ labels, annotations: { keep: 'it', 'kubectl.kubernetes.io/last-applied-configuration': '{}' } },
    },
    spec: {
      ...{ completionMode: 'Indexed', completions: 10, parallelism: 4, backoffLimitPerIndex: 1, maxFailedIndexes: 8 },
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u' } },
      template: { metadata: { labels }, spec: { restartPolicy: 'Never', containers: [own] } },
      ...spec,
    },
    status,
  };
}

const failed = (completedIndexes: string): JobStatus => ({
  conditions: [{ type: 'Failed', status: 'True' } as never],
  completedIndexes,
});

const rerun = (job: Job): Job => rerunOf(job, 'again') as Job;

/** What the container's program sees of its environment, under a real shell. */
function seen(job: Job, index: number, names: readonly string[] = ['JOB_COMPLETION_INDEX']): string {
  const { command = [], env = [] } = job.spec.template.spec?.containers[0] ?? {};
  const [program = '', ...args] = command;
  const print = ['sh', '-c', names.map((name) => `echo "$${name}"`).join('; ')];
  const variables = Object.fromEntries(env.map(({ name, value = '' }) => [name, value]));
  const options = { env: { PATH: process.env['PATH'], JOB_COMPLETION_INDEX: String(index), ...variables } };
  return spawnSync(program, [...args, ...print], { encoding: 'utf8', ...options }).stdout.trim();
}

describe('a rerun of failed indexes', () => {
  it('is a Job of its own, of the same template', () => {
    const made = rerun(jobOf(failed('0-2,5'), { ttlSecondsAfterFinished: 60 }));
    expect(made.metadata).toEqual({
      ...{ name: 'again', namespace: 'n', labels: { app: 'a' } },
      annotations: { keep: 'it', 'rondo.dev/rerun-indexes': '3,4,6-9' },
    });
    const { template, ...spec } = made.spec;
    expect(spec).toEqual({
      ...{ completionMode: 'Indexed', completions: 6, parallelism: 4, backoffLimitPerIndex: 1, maxFailedIndexes: 6 },
      ttlSecondsAfterFinished: 60,
    });
    expect(template.metadata?.labels).toEqual({ app: 'a' });
    expect(template.spec?.containers[0]).toMatchObject({
      args: ['run', '--all', 'x y'],
      env: [{ name: 'RERUN_INDEXES', value: '3,4,6-9' }],
    });
    expect(made).not.toHaveProperty('status');
  });

  it('takes of a Job that runs only what has failed for good', () => {
    const status = { completedIndexes: '0-3', failedIndexes: '4,7' };
    expect(rerun(jobOf(status)).spec.completions).toBe(2);
  });

  it('gives each program the index of the first Job', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(60), { minLength: 1, maxLength: 12 }), (indexes) => {
        const open = indexes.toSorted((a, b) => a - b);
        const done = Array.from({ length: 61 }, (_, index) => index).filter((index) => !open.includes(index));
        const made = rerun(jobOf(failed(formatIndexes(addIndexes([], done))), { completions: 61 }));
        expect(open.map((_, index) => seen(made, index))).toEqual(open.map(String));
      }),
      { numRuns: 12 },
    );
  });

  it('does so for a rerun of a rerun', () => {
    const first = rerun(jobOf(failed('0-2,5')));
    const second = rerun({ ...first, status: failed('0,2,4,5') });
    expect(second.metadata.annotations).toMatchObject({ 'rondo.dev/rerun-indexes': '4,7' });
    expect([0, 1].map((index) => seen(second, index))).toEqual(['4', '7']);
    expect(second.spec.template.spec?.containers[0]?.args).toEqual(['run', '--all', 'x y']);
  });

  it('gives the index to other variables that have it', () => {
    const fieldPath = "metadata.annotations['batch.kubernetes.io/job-completion-index']";
    const own = {
      ...container,
      env: [
        { name: 'SHARD', valueFrom: { fieldRef: { fieldPath } } },
        { name: 'A', value: 'b' },
      ],
    };
    const made = rerun(jobOf(failed('0-6'), {}, own));
    expect(seen(made, 1, ['SHARD', 'JOB_COMPLETION_INDEX', 'A']).split('\n')).toEqual(['8', '8', 'b']);
  });

  it.each([
    ['a Job without indexes', jobOf(failed(''), { completionMode: 'NonIndexed' }), 'is not Indexed'],
    ['a Job of which all has succeeded', jobOf(failed('0-9')), 'no index of job j has failed'],
    ['a container without a command', jobOf(failed(''), {}, { name: 'c', image: 'i' }), 'names no command'],
    [
      'an index in the arguments',
      jobOf(failed(''), {}, { ...container, args: ['--shard=$(JOB_COMPLETION_INDEX)'] }),
      'in its command or environment',
    ],
  ])('is refused for %s', (_what, job, text) => {
    expect(() => rerun(job)).toThrow(text);
  });
});
