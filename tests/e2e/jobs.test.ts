import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestKubectl, removeDirectory, startRondo, type Rondo } from './rondo.ts';

let rondo: Rondo;
beforeAll(async () => {
  rondo = await startRondo();
});
afterAll(async () => {
  expect(await rondo.stop()).toBe(0);
  removeDirectory(rondo.dataDir);
});

interface JobView {
  readonly metadata: { readonly uid: string };
  readonly status: {
    readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
    readonly startTime?: string;
    readonly succeeded?: number;
    readonly failed?: number;
    readonly active?: number;
    readonly completedIndexes?: string;
    readonly failedIndexes?: string;
  };
}

function ok(args: readonly string[], input?: string): string {
  const path = newestKubectl();
  const result = rondo.kubectl(args, input === undefined ? { path } : { path, input });
  expect(`${result.status} ${result.stderr}`, `kubectl ${args.join(' ')}`).toMatch(/^0 /);
  return result.stdout;
}

/** A Job whose one container runs a shell script on this machine. */
function apply(name: string, script: string, spec: object = {}): void {
  const container = { name: 'main', image: 'rondo.dev/host', command: ['/bin/sh', '-c', script] };
  const podSpec = { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers: [container] };
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: { template: { spec: podSpec }, ...spec },
  };
  ok(['apply', '-f', '-'], JSON.stringify(job));
}

const read = (name: string): JobView => JSON.parse(ok(['get', 'job', name, '-o', 'json'])) as JobView;
const waitFor = (name: string, condition: string): string =>
  ok(['wait', `--for=${condition}`, `job/${name}`, '--timeout=45s']);
const indexedJob = (completions: number): object => ({
  completionMode: 'Indexed',
  completions,
  parallelism: completions,
});

describe('Jobs through kubectl on real processes', () => {
  it('runs an Indexed Job that does real work, one part per index', () => {
    // Sums 1…100, a quarter of the numbers per index.
    const script =
      'i=$JOB_COMPLETION_INDEX; s=0; n=$((i*25+1)); while [ $n -le $((i*25+25)) ]; do s=$((s+n)); n=$((n+1)); done; echo $s';
    apply('sums', script, { ...indexedJob(4), parallelism: 2 });
    expect(waitFor('sums', 'condition=complete')).toBe('job.batch/sums condition met\n');
    const selector = 'batch.kubernetes.io/job-name=sums';
    const parts = ok(['logs', '-l', selector, '--tail=-1']).trim().split('\n').map(Number);
    expect(parts.sort((a, b) => a - b)).toEqual([325, 950, 1575, 2200]);
    expect(ok(['logs', '-l', `${selector},batch.kubernetes.io/job-completion-index=3`])).toBe('2200\n');
    expect(read('sums').status).toMatchObject({ succeeded: 4, completedIndexes: '0-3' });
    expect(ok(['get', 'pods', '-l', selector, '-o', 'jsonpath={.items[*].spec.hostname}']).split(' ').sort()).toEqual([
      'sums-0',
      'sums-1',
      'sums-2',
      'sums-3',
    ]);
  });

  it('shows a Job in describe, from its fields to its events', () => {
    apply('described', 'echo part $JOB_COMPLETION_INDEX', {
      ...indexedJob(2),
      backoffLimit: 3,
      ttlSecondsAfterFinished: 600,
      activeDeadlineSeconds: 60,
    });
    waitFor('described', 'condition=complete');
    const text = ok(['describe', 'job', 'described']);
    for (const line of [
      /^Name: +described$/m,
      /^Namespace: +default$/m,
      /^Selector: +batch\.kubernetes\.io\/controller-uid=[0-9a-f-]{36}$/m,
      /^Labels: +batch\.kubernetes\.io\/controller-uid=/m,
      /^ +job-name=described$/m,
      /^Parallelism: +2$/m,
      /^Completions: +2$/m,
      /^Completion Mode: +Indexed$/m,
      /^Suspend: +false$/m,
      /^Backoff Limit: +3$/m,
      /^TTL Seconds After Finished: +600$/m,
      /^Start Time: +\w{3}, \d\d \w{3} \d{4} /m,
      /^Completed At: +\w{3}, /m,
      /^Duration: +\d+s$/m,
      /^Active Deadline Seconds: +60s$/m,
      /^Pods Statuses: +0 Active \(0 Ready\) \/ 2 Succeeded \/ 0 Failed$/m,
      /^Completed Indexes: +0,1$/m,
      /^ +Normal +SuccessfulCreate +\S+ +job-controller +Created pod: described-0-\w{5}$/m,
      /^ +Normal +Completed +\S+ +job-controller +Job completed$/m,
    ]) expect(text).toMatch(line); // prettier-ignore
  });

  it('ends a Job with the indexes that failed once too often', () => {
    apply('some-fail', 'test $JOB_COMPLETION_INDEX != 1', { ...indexedJob(3), backoffLimitPerIndex: 0 });
    waitFor('some-fail', 'condition=failed');
    const { status } = read('some-fail');
    expect(status).toMatchObject({ succeeded: 2, failed: 1, completedIndexes: '0,2', failedIndexes: '1' });
    expect(status.conditions?.at(-1)).toMatchObject({
      type: 'Failed',
      reason: 'FailedIndexes',
      message: 'Job has failed indexes',
    });
    expect(ok(['get', 'job', 'some-fail'])).toMatch(/some-fail +Failed +2\/3 +/);
    expect(ok(['describe', 'job', 'some-fail'])).toMatch(
      /Warning +FailedIndexes +\S+ +job-controller +Job has failed indexes/,
    );
  });

  it('tries an index again within its own limit', () => {
    apply('retried', 'exit 3', { ...indexedJob(1), backoffLimitPerIndex: 1 });
    waitFor('retried', 'condition=failed');
    const annotation = '{range .items[*]}{.metadata.annotations.batch\\.kubernetes\\.io/job-index-failure-count}{end}';
    expect(
      ok(['get', 'pods', '-l', 'job-name=retried', '-o', `jsonpath=${annotation}`])
        .split('')
        .sort(),
    ).toEqual(['0', '1']);
    expect(read('retried').status).toMatchObject({ failed: 2, failedIndexes: '0' });
  });

  it('fails a Job at once for an exit code that its policy names', () => {
    const rules = [{ action: 'FailJob', onExitCodes: { containerName: 'main', operator: 'In', values: [42] } }];
    apply('policy', 'exit 42', { backoffLimit: 6, podFailurePolicy: { rules } });
    waitFor('policy', 'condition=failed');
    const { status } = read('policy');
    expect(status.failed).toBe(1);
    expect(status.conditions?.map(({ type }) => type)).toEqual(['FailureTarget', 'Failed']);
    expect(status.conditions?.at(-1)).toMatchObject({
      reason: 'PodFailurePolicy',
      message: expect.stringMatching(
        /^Container main for pod default\/policy-\w{5} failed with exit code 42 matching FailJob rule at index 0$/,
      ) as string,
    });
    expect(ok(['get', 'pods', '-l', 'job-name=policy'])).toMatch(/policy-\w{5} +0\/1 +Error +0 +/);
  });

  it('completes a Job as soon as its success policy holds, and stops the rest', () => {
    apply('leader', 'test $JOB_COMPLETION_INDEX = 0 || exec sleep 1000', {
      ...indexedJob(3),
      successPolicy: { rules: [{ succeededIndexes: '0' }] },
    });
    waitFor('leader', 'condition=complete');
    const { status } = read('leader');
    expect(status).toMatchObject({ succeeded: 1, completedIndexes: '0' });
    expect([status.failed ?? 0, status.active ?? 0]).toEqual([0, 0]);
    expect(status.conditions?.map(({ type, reason }) => `${type} ${reason}`)).toEqual([
      'SuccessCriteriaMet SuccessPolicy',
      'Complete SuccessPolicy',
    ]);
    expect(ok(['get', 'job', 'leader'])).toMatch(/leader +Complete +1\/3 +/);
  });

  it('suspends and resumes a running Job', () => {
    apply('paused', 'exec sleep 1000', { completions: 2, parallelism: 2 });
    waitFor('paused', 'jsonpath={.status.ready}=2');
    ok(['patch', 'job', 'paused', '-p', '{"spec":{"suspend":true}}']);
    waitFor('paused', 'condition=suspended');
    expect(ok(['get', 'job', 'paused'])).toMatch(/paused +Suspended +0\/2 +/);
    ok(['wait', '--for=delete', 'pods', '-l', 'job-name=paused', '--timeout=20s']);
    expect(read('paused').status).toMatchObject({
      conditions: [{ type: 'Suspended', status: 'True', reason: 'JobSuspended' }],
    });
    expect(read('paused').status.startTime).toBeUndefined();
    ok(['patch', 'job', 'paused', '-p', '{"spec":{"suspend":false}}']);
    waitFor('paused', 'jsonpath={.status.ready}=2');
    expect(ok(['get', 'job', 'paused'])).toMatch(/paused +Running +0\/2 +\d+s +/);
    expect(read('paused').status.failed ?? 0).toBe(0);
    const events = ok([
      'get',
      'events',
      '--field-selector=involvedObject.name=paused',
      '-o',
      'jsonpath={.items[*].reason}',
    ]);
    expect(events.split(' ')).toEqual(expect.arrayContaining(['Suspended', 'Resumed', 'SuccessfulDelete']));
    ok(['delete', 'job', 'paused', '--timeout=30s']);
  });

  it('removes a finished Job and its Pods when its time is up', () => {
    apply('short-lived', 'true', { ttlSecondsAfterFinished: 2 });
    waitFor('short-lived', 'condition=complete');
    waitFor('short-lived', 'delete');
    expect(ok(['get', 'pods', '-l', 'job-name=short-lived', '-o', 'name'])).toBe('');
  });

  it('makes a Job from the command line, waits for it and shows its log', () => {
    ok(['create', 'job', 'made', '--image=rondo.dev/host', '--', '/bin/sh', '-c', 'echo first; echo second']);
    waitFor('made', 'condition=Complete');
    expect(ok(['logs', 'job/made'])).toBe('first\nsecond\n');
    expect(ok(['logs', 'job/made', '--tail=1'])).toBe('second\n');
    const wide = ok(['get', 'jobs', 'made', '-o', 'wide']).split('\n');
    expect(wide[0]).toMatch(/^NAME +STATUS +COMPLETIONS +DURATION +AGE +CONTAINERS +IMAGES +SELECTOR *$/);
    expect(wide[1]).toMatch(
      /^made +Complete +1\/1 +\d+s +\d+s +made +rondo\.dev\/host +batch\.kubernetes\.io\/controller-uid=\S+$/,
    );
  });

  it('shows a work queue as done with its first success', () => {
    apply('queue', 'exec sleep 1000', { parallelism: 2 });
    waitFor('queue', 'jsonpath={.status.ready}=2');
    expect(ok(['get', 'job', 'queue'])).toMatch(/queue +Running +0\/1 of 2 +/);
    ok(['delete', 'job', 'queue', '--timeout=30s']);
  });

  it('evicts the Pods of a Job when the node is drained', () => {
    apply('drained', 'exec sleep 1000', { backoffLimit: 0 });
    waitFor('drained', 'jsonpath={.status.ready}=1');
    const [node] = ok(['get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}']).split(' ');
    ok(['drain', node!, '--force', '--timeout=30s', '--pod-selector=job-name=drained']);
    ok(['uncordon', node!]);
    waitFor('drained', 'condition=failed');
    expect(read('drained').status).toMatchObject({ failed: 1 });
  });
});
