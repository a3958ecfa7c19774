import { describe, expect, it } from 'vitest';
import { resources, type Pod } from '../../api/index.ts';
import { at, conditionTypes, startMs } from './samples.contract.ts';
import { startCluster, type TestCluster } from './test-cluster.contract.ts';

const finalizer = 'batch.kubernetes.io/job-tracking';

async function onlyPod(cluster: TestCluster): Promise<Pod> {
  const pods = await cluster.activePods();
  expect(pods).toHaveLength(1);
  return pods[0]!;
}

async function finalizersLeft(cluster: TestCluster): Promise<number> {
  return (await cluster.pods()).filter(({ metadata }) => metadata.finalizers?.includes(finalizer)).length;
}

describe('the life of a Job', () => {
  it('needs one creation, one patch and three status writes for one pod', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j');
    expect(cluster.writes).toEqual(['create Pod', 'status Job']);
    const pod = await onlyPod(cluster);
    expect(pod.metadata.finalizers).toEqual([finalizer]);
    await cluster.run(pod);
    await cluster.end(pod, 'Succeeded');
    expect(cluster.writes).toEqual(['create Pod', 'status Job', 'status Job', 'patch Pod', 'status Job']);
    await cluster.clock.advance(600_000);
    expect(cluster.writes).toHaveLength(5);
    expect(cluster.statuses('j').map(({ conditions: _conditions, ...status }) => status)).toEqual([
      {},
      { startTime: at(0), active: 1, ready: 0, terminating: 0, uncountedTerminatedPods: {} },
      { startTime: at(0), ready: 0, terminating: 0, uncountedTerminatedPods: { succeeded: [pod.metadata.uid] } },
      ...[
        {
          startTime: at(0),
          completionTime: at(0),
          succeeded: 1,
          ready: 0,
          terminating: 0,
          uncountedTerminatedPods: {},
        },
      ],
    ]);
    expect(cluster.statuses('j').map(conditionTypes)).toEqual([
      [],
      [],
      ['SuccessCriteriaMet'],
      ['SuccessCriteriaMet', 'Complete'],
    ]);
    expect(cluster.events).toEqual([
      `j Normal SuccessfulCreate: Created pod: ${pod.metadata.name}`,
      'j Normal Completed: Job completed',
    ]);
    expect(await finalizersLeft(cluster)).toBe(0);
    expect(cluster.logged).toEqual([]);
  });

  it('writes ready for pods that stay ready for a second', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j');
    await cluster.run(await onlyPod(cluster));
    await cluster.clock.advance(999);
    expect((await cluster.job('j')).status.ready).toBe(0);
    await cluster.clock.advance(1);
    expect((await cluster.job('j')).status.ready).toBe(1);
  });

  it('retries after 10, 20 and 40 seconds, measured from the end of the pod', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j');
    const startedAt: number[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) {
      let pods = await cluster.activePods();
      while (pods.length === 0) {
        await cluster.clock.advance(1000);
        pods = await cluster.activePods();
      }
      startedAt.push((cluster.clock.now() - startMs) / 1000);
      await cluster.run(pods[0]!);
      await cluster.clock.advance(2000);
      await cluster.end(pods[0]!, attempt < 3 ? 'Failed' : 'Succeeded');
    }
    expect(startedAt).toEqual([0, 12, 34, 76]);
    const { status } = await cluster.job('j');
    expect(status).toMatchObject({ succeeded: 1, failed: 3, completionTime: at(78) });
    expect(conditionTypes(status)).toEqual(['SuccessCriteriaMet', 'Complete']);
  });

  it('fails after backoffLimit + 1 pods, which stay', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j', { backoffLimit: 1 });
    await cluster.end(await onlyPod(cluster), 'Failed');
    await cluster.clock.advance(10_000);
    await cluster.end(await onlyPod(cluster), 'Failed');
    const { status } = await cluster.job('j');
    expect(conditionTypes(status)).toEqual(['FailureTarget', 'Failed']);
    expect(status).toMatchObject({ failed: 2 });
    expect((await cluster.pods()).map((pod) => pod.status.phase)).toEqual(['Failed', 'Failed']);
    expect(await finalizersLeft(cluster)).toBe(0);
  });

  it('stops at the deadline and is Failed when the pods are gone', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j', { activeDeadlineSeconds: 30, parallelism: 2, completions: 2 });
    const pods = await cluster.activePods();
    for (const pod of pods) await cluster.run(pod);
    await cluster.clock.advance(29_999);
    expect(await cluster.activePods()).toHaveLength(2);
    await cluster.clock.advance(1);
    const stopping = (await cluster.job('j')).status;
    expect(conditionTypes(stopping)).toEqual(['FailureTarget']);
    expect(stopping).toMatchObject({ failed: 2, terminating: 2, ready: 0 });
    for (const pod of pods) await cluster.purge(pod);
    const { status } = await cluster.job('j');
    expect(conditionTypes(status)).toEqual(['FailureTarget', 'Failed']);
    expect(status).toMatchObject({ failed: 2, terminating: 0 });
    expect(cluster.logged).toEqual([]);
  });

  it('suspends and resumes with a new start time, counting nothing', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j', { parallelism: 2, completions: 2 });
    for (const pod of await cluster.activePods()) await cluster.run(pod);
    await cluster.clock.advance(5000);
    await cluster.patchJob('j', { suspend: true });
    const suspended = (await cluster.job('j')).status;
    expect(suspended).toMatchObject({ terminating: 2, ready: 0 });
    expect(suspended.startTime).toBeUndefined();
    expect(conditionTypes(suspended)).toEqual(['Suspended']);
    for (const pod of await cluster.pods()) await cluster.purge(pod);
    await cluster.clock.advance(5000);
    await cluster.patchJob('j', { suspend: false });
    expect((await cluster.job('j')).status).toMatchObject({ startTime: at(10), active: 2, terminating: 0 });
    for (const pod of await cluster.activePods()) await cluster.end(pod, 'Succeeded');
    const { status } = await cluster.job('j');
    expect(status).toMatchObject({ succeeded: 2 });
    expect(status.failed).toBeUndefined();
    expect(conditionTypes(status)).toEqual(['!Suspended', 'SuccessCriteriaMet', 'Complete']);
    expect(cluster.events.filter((text) => /Suspended|Resumed/.test(text))).toEqual([
      'j Normal Suspended: Job suspended',
      'j Normal Resumed: Job resumed',
    ]);
  });

  it('starts nothing for a Job that is created suspended', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j', { suspend: true });
    expect(await cluster.pods()).toEqual([]);
    const { status } = await cluster.job('j');
    expect(status.startTime).toBeUndefined();
    expect(conditionTypes(status)).toEqual(['Suspended']);
  });

  it('runs the indexes of an Indexed Job in order, each once', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j', { completionMode: 'Indexed', completions: 5, parallelism: 2 });
    const ran: string[] = [];
    for (let pods = await cluster.activePods(); pods.length > 0; pods = await cluster.activePods()) {
      ran.push(pods[0]!.metadata.annotations?.['batch.kubernetes.io/job-completion-index'] ?? '');
      await cluster.end(pods[0]!, 'Succeeded');
    }
    expect(ran.toSorted()).toEqual(['0', '1', '2', '3', '4']);
    expect((await cluster.job('j')).status).toMatchObject({ completedIndexes: '0-4', succeeded: 5 });
  });

  it('shrinks an elastic Job', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j', { completionMode: 'Indexed', completions: 3, parallelism: 3 });
    const pods = await cluster.activePods();
    const ofIndex = (index: string): Pod => pods.find(({ metadata }) => metadata.name.startsWith(`j-${index}-`))!;
    await cluster.end(ofIndex('2'), 'Succeeded');
    expect((await cluster.job('j')).status).toMatchObject({ completedIndexes: '2', succeeded: 1 });
    await cluster.patchJob('j', { completions: 1, parallelism: 1 });
    expect((await cluster.activePods()).map(({ metadata }) => metadata.uid)).toEqual([ofIndex('0').metadata.uid]);
    await cluster.end(ofIndex('0'), 'Succeeded');
    const { status } = await cluster.job('j');
    expect(status).toMatchObject({ completedIndexes: '0', succeeded: 1 });
    expect(conditionTypes(status)).toContain('Complete');
  });

  it('creates more than one sync may create, step by step', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j', { completions: 1100, parallelism: 1100 });
    expect(await cluster.activePods()).toHaveLength(1100);
    expect((await cluster.job('j')).status.active).toBe(1100);
  });

  it('leaves Jobs of other controllers alone', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j', { managedBy: 'example.com/other' });
    await cluster.clock.advance(10_000);
    expect(cluster.writes).toEqual([]);
  });
});

describe('pods that come and go', () => {
  it('counts a deleted pod as failed and replaces it after the back-off', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j');
    const pod = await onlyPod(cluster);
    await cluster.run(pod);
    await cluster.client.delete(resources.pods, { namespace: 'default', name: pod.metadata.name });
    await cluster.clock.settle();
    expect((await cluster.job('j')).status).toMatchObject({ failed: 1, terminating: 1 });
    await cluster.purge(pod);
    await cluster.clock.advance(45_000);
    expect((await cluster.job('j')).status).toMatchObject({ failed: 1, active: 1, terminating: 0 });
  });

  it('adopts a pod again that lost its owner, and counts it once', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j');
    const pod = await onlyPod(cluster);
    const ref = { namespace: 'default', name: pod.metadata.name };
    await cluster.client.patch(resources.pods, ref, { type: 'merge', body: { metadata: { ownerReferences: null } } });
    await cluster.clock.settle();
    const adopted = await cluster.client.get(resources.pods, ref);
    expect(adopted.metadata).toMatchObject({ finalizers: [finalizer], ownerReferences: [{ kind: 'Job', name: 'j' }] });
    await cluster.end(adopted, 'Succeeded');
    expect((await cluster.job('j')).status.succeeded).toBe(1);
    expect(await cluster.pods()).toHaveLength(1);
  });

  it('releases a pod whose labels do not match any more, and replaces it', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j');
    const pod = await onlyPod(cluster);
    const ref = { namespace: 'default', name: pod.metadata.name };
    const labels = Object.fromEntries(Object.keys(pod.metadata.labels ?? {}).map((key) => [key, null]));
    await cluster.client.patch(resources.pods, ref, { type: 'merge', body: { metadata: { labels } } });
    await cluster.clock.settle();
    const released = await cluster.client.get(resources.pods, ref);
    expect(released.metadata.ownerReferences ?? []).toEqual([]);
    expect(released.metadata.finalizers ?? []).toEqual([]);
    expect(await cluster.activePods()).toHaveLength(2);
  });

  it('frees the pods of a deleted Job', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j', { parallelism: 2, completions: 2 });
    await cluster.client.delete(
      resources.jobs,
      { namespace: 'default', name: 'j' },
      { propagationPolicy: 'Background' },
    );
    await cluster.clock.settle();
    expect(await cluster.pods()).toHaveLength(2);
    expect(await finalizersLeft(cluster)).toBe(0);
  });

  it('frees pods that the garbage collector has orphaned', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j');
    const pod = await onlyPod(cluster);
    const ref = { namespace: 'default', name: pod.metadata.name };
    await cluster.client.delete(resources.jobs, { namespace: 'default', name: 'j' }, { propagationPolicy: 'Orphan' });
    await cluster.client.patch(resources.pods, ref, { type: 'merge', body: { metadata: { ownerReferences: null } } });
    const job = await cluster.job('j');
    await cluster.client.patch(resources.jobs, { namespace: 'default', name: 'j' }, {
      ...{ type: 'merge', body: { metadata: { finalizers: null, uid: job.metadata.uid } } },
    } as const);
    await cluster.clock.settle();
    expect(await cluster.activePods()).toHaveLength(1);
    expect(await finalizersLeft(cluster)).toBe(0);
  });

  it('frees leftovers of finished and vanished Jobs at the start', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j', { parallelism: 2, completions: 2 });
    await cluster.stopController();
    await cluster.client.delete(
      resources.jobs,
      { namespace: 'default', name: 'j' },
      { propagationPolicy: 'Background' },
    );
    expect(await finalizersLeft(cluster)).toBe(2);
    await cluster.startController();
    expect(await finalizersLeft(cluster)).toBe(0);
  });

  it('sees a FailJob exit of a pod that suspending removed', async () => {
    const cluster = await startCluster();
    const podFailurePolicy = { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] };
    await cluster.createJob('j', { podFailurePolicy });
    const pod = await onlyPod(cluster);
    await cluster.run(pod);
    await cluster.patchJob('j', { suspend: true });
    await cluster.end(pod, 'Failed', 42);
    const { status } = await cluster.job('j');
    expect(conditionTypes(status)).toEqual(['Suspended', 'FailureTarget', 'Failed']);
    expect(status.conditions?.at(-1)?.message).toBe(
      `Container main for pod default/${pod.metadata.name} failed with exit code 42 matching FailJob rule at index 0`,
    );
    expect(status.failed).toBeUndefined();
    expect(cluster.logged).toEqual([]);
  });

  it('carries failure counts from pod to pod of an index', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j', { completionMode: 'Indexed', completions: 1, backoffLimitPerIndex: 1 });
    const counts: (string | undefined)[] = [];
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const pod = await onlyPod(cluster);
      counts.push(pod.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count']);
      await cluster.end(pod, 'Failed');
      await cluster.clock.advance(10_000);
    }
    expect(counts).toEqual(['0', '1']);
    const { status } = await cluster.job('j');
    expect(status).toMatchObject({ failedIndexes: '0', failed: 2 });
    expect(status.conditions?.at(-1)).toMatchObject({ type: 'Failed', reason: 'FailedIndexes' });
    expect(await finalizersLeft(cluster)).toBe(0);
  });
});

describe('trouble', () => {
  it('tries again when pods cannot be created, one at a time, and says so', async () => {
    const cluster = await startCluster();
    const spec = { serviceAccountName: 'late', restartPolicy: 'Never', containers: [{ name: 'main', image: 'i' }] };
    await cluster.createJob('j', { parallelism: 3, completions: 3, template: { spec } });
    expect(cluster.writes).toEqual(['create Pod', 'status Job']);
    expect(cluster.events).toHaveLength(1);
    expect(cluster.events[0]).toMatch(
      /^j Warning FailedCreate: Error creating: pods .* is forbidden: .*serviceaccount "late" not found$/,
    );
    await cluster.client.create(resources.serviceAccounts, { metadata: { name: 'late', namespace: 'default' } });
    await cluster.clock.advance(1000);
    expect(await cluster.activePods()).toHaveLength(3);
    expect((await cluster.job('j')).status.active).toBe(3);
  });

  it('counts exactly once wherever it dies', async () => {
    for (let writes = 0; writes < 6; writes += 1) {
      const cluster = await startCluster();
      await cluster.createJob('j', { parallelism: 2, completions: 2 });
      cluster.crashAfter(writes);
      for (const pod of await cluster.activePods()) await cluster.end(pod, 'Succeeded');
      await cluster.stopController();
      await cluster.startController();
      const { status } = await cluster.job('j');
      expect([writes, status.succeeded, conditionTypes(status)]).toEqual([
        ...[writes, 2, ['SuccessCriteriaMet', 'Complete']],
      ]);
      expect([await finalizersLeft(cluster), (await cluster.pods()).length]).toEqual([0, 2]);
    }
  });

  it('goes on after a restart between staging and counting', async () => {
    const cluster = await startCluster();
    await cluster.createJob('j', { completions: 2 });
    const pod = await onlyPod(cluster);
    await cluster.stopController();
    await cluster.end(pod, 'Succeeded');
    const job = await cluster.job('j');
    const staged = { ...job.status, active: 0, uncountedTerminatedPods: { succeeded: [pod.metadata.uid] } };
    await cluster.client.updateStatus(resources.jobs, { ...job, status: staged });
    await cluster.startController();
    expect((await cluster.job('j')).status).toMatchObject({ succeeded: 1, active: 1, uncountedTerminatedPods: {} });
  });

  it('counts once although its caches are seconds behind', async () => {
    const cluster = await startCluster({ lagMs: () => 3000 });
    await cluster.createJob('j', { completions: 3, parallelism: 2 });
    for (let turn = 0; turn < 20; turn += 1) {
      await cluster.clock.advance(1000);
      expect((await cluster.activePods()).length).toBeLessThanOrEqual(2);
      const [pod] = await cluster.activePods();
      if (pod !== undefined && turn % 2 === 0) await cluster.end(pod, 'Succeeded');
    }
    await cluster.clock.advance(20_000);
    expect((await cluster.job('j')).status).toMatchObject({ succeeded: 3 });
    expect(await cluster.pods()).toHaveLength(3);
    expect(await finalizersLeft(cluster)).toBe(0);
  });
});
