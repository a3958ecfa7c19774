import { describe, expect, it } from 'vitest';
import type { Pod } from '../../api/index.ts';
import { PodTracker } from './pod-tracker.ts';
import { aJob, aPod, at, startMs, uids, type PodSample } from './samples.contract.ts';
import { slimFinishedJob, slimFinishedPod } from './slim.ts';
import { isOlder } from './versions.ts';

function version(resourceVersion: string, sample: PodSample = {}): Pod {
  return aPod('a', { ...sample, metadata: { resourceVersion, ...sample.metadata } });
}

const succeeded = { phase: 'Succeeded' };
const released = { phase: 'Succeeded', finalizer: false };

describe('PodTracker', () => {
  it('does not go back to what the watch says late', () => {
    const tracker = new PodTracker();
    tracker.observe(version('9', succeeded));
    tracker.wrote(version('11', released));
    tracker.observe(version('10', succeeded));
    expect(tracker.ofJob('job-uid').map(({ metadata }) => metadata.finalizers)).toEqual([undefined]);
  });

  it('drops a counted pod only when nothing older can come any more', () => {
    const tracker = new PodTracker();
    const pod = version('9', succeeded);
    tracker.observe(pod);
    tracker.wrote(version('11', released));
    tracker.examined([pod]);
    expect(tracker.size).toBe(1);
    tracker.observe(version('11', released));
    expect(tracker.size).toBe(0);
  });

  it('drops a counted pod also when the watch was faster than the answer', () => {
    const tracker = new PodTracker();
    tracker.observe(version('9', succeeded));
    tracker.observe(version('11', released));
    expect(tracker.size).toBe(1);
    tracker.wrote(version('11', released));
    expect(tracker.size).toBe(0);
  });

  it('keeps an ended pod without finalizer until a sync has looked at it', () => {
    const tracker = new PodTracker();
    const pod = version('9', released);
    tracker.observe(pod);
    expect(uids(tracker.ofJob('job-uid'))).toEqual(['a']);
    tracker.examined([version('8', released)]);
    expect(tracker.size).toBe(1);
    tracker.examined([pod]);
    expect(tracker.size).toBe(0);
  });

  it('keeps a pod deleted that we have deleted', () => {
    const tracker = new PodTracker();
    tracker.observe(version('9'));
    tracker.deleting(version('9'), startMs + 7000);
    tracker.observe(version('10', { readyAt: 3 }));
    expect(tracker.ofJob('job-uid')[0]?.metadata.deletionTimestamp).toBe(at(7));
    tracker.observe(version('11', { deletedAt: 37 }));
    expect(tracker.ofJob('job-uid')[0]?.metadata.deletionTimestamp).toBe(at(37));
  });

  it('does not bring back a pod whose deletion came before the answer to a patch', () => {
    const tracker = new PodTracker();
    tracker.observe(version('9'));
    tracker.remove('a');
    tracker.wrote(version('10'));
    expect(tracker.size).toBe(0);
  });

  it('takes the finalizer off a pod that a patch did not find', () => {
    const tracker = new PodTracker();
    const pod = version('9', { ...succeeded });
    tracker.observe(pod);
    tracker.vanished(pod);
    expect(tracker.ofJob('job-uid').flatMap(({ metadata }) => metadata.finalizers ?? [])).toEqual([]);
  });

  it('moves pods between owners and orphans', () => {
    const tracker = new PodTracker();
    const job = aJob();
    const manual = aJob({ selector: { matchLabels: { app: 'x' } } });
    const orphan = (resourceVersion: string, labels: Record<string, string>): Pod =>
      version(resourceVersion, { metadata: { resourceVersion, ownerReferences: [], labels } });
    tracker.observe(version('1'));
    tracker.observe(orphan('2', { 'batch.kubernetes.io/controller-uid': 'job-uid' }));
    expect(tracker.ofJob('job-uid')).toEqual([]);
    expect([uids(tracker.orphansFor(job)), uids(tracker.orphansFor(manual))]).toEqual([['a'], ['a']]);
    tracker.observe(orphan('3', { app: 'x' }));
    expect([uids(tracker.orphansFor(job)), uids(tracker.orphansFor(manual))]).toEqual([[], ['a']]);
    tracker.wrote(version('4'));
    expect([uids(tracker.ofJob('job-uid')), tracker.orphansFor(manual)]).toEqual([['a'], []]);
    tracker.forgetJob('job-uid');
    expect(tracker.size).toBe(0);
  });
});

describe('isOlder', () => {
  it.each([
    ['9', '10', true],
    ['10', '9', false],
    ['10', '10', false],
    ['9007199254740993', '9007199254740994', true],
  ])('%s before %s: %s', (a, b, expected) => {
    expect(isOlder(version(a), version(b))).toBe(expected);
  });
});

describe('slim forms', () => {
  it('leave alone what may still be needed', () => {
    for (const pod of [aPod('a'), aPod('a', { phase: 'Failed' })]) expect(slimFinishedPod(pod)).toBe(pod);
    const job = aJob();
    expect(slimFinishedJob(job)).toBe(job);
  });

  it('keep of a counted pod who it is and how it failed', () => {
    const pod = aPod('a', {
      ...{ phase: 'Failed', exitCode: 42, finalizer: false, index: 3 },
      conditions: [{ type: 'DisruptionTarget', status: 'True', message: 'long' }],
    });
    const annotated = { ...pod, metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, x: 'y' } } };
    expect(slimFinishedPod(annotated)).toEqual({
      ...pod,
      spec: { containers: [], nodeName: 'n', restartPolicy: 'Never' },
      status: {
        phase: 'Failed',
        containerStatuses: [
          {
            ...{ name: 'main', ready: false, restartCount: 0, image: '', imageID: '' },
            state: { terminated: { exitCode: 42 } },
          },
        ],
        initContainerStatuses: [],
        conditions: [{ type: 'DisruptionTarget', status: 'True' }],
      },
    });
  });

  it('keep of a finished Job who it is and how it ended', () => {
    const conditions = [{ type: 'Complete', status: 'True' }];
    const spec = { ttlSecondsAfterFinished: 5, managedBy: 'x/y' };
    const status = { conditions, succeeded: 1, startTime: at(0), completionTime: at(5) };
    const job = aJob(spec, status, {
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': 'long', a: 'b' },
    });
    expect(slimFinishedJob(job)).toEqual({
      ...job,
      metadata: { ...job.metadata, annotations: { a: 'b' } },
      spec: { ...spec, template: {} },
      status: { conditions, startTime: at(0), completionTime: at(5) },
    });
  });
});
