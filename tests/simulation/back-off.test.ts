import { expect, it } from 'vitest';
import { jobFinishedCondition, resources, type Job, type Pod } from '../../src/api/index.ts';
import { startTestEngine } from '../../src/testing/index.ts';

const job = {
  metadata: { name: 'flaky', namespace: 'default' },
  spec: {
    backoffLimit: 3,
    template: {
      metadata: { annotations: { 'rondo.dev/simulate-exit-code': '1' } },
      spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'any', command: ['false'] }] },
    },
  },
};

it('runs a Job through three back-offs of 10, 20 and 40 seconds in milliseconds of real time', async () => {
  const realStartMs = performance.now();
  const engine = await startTestEngine();
  const created = await engine.client.create<Job>(resources.jobs, job);
  await engine.clock.advance(120_000);

  const { items: pods } = await engine.client.list<Pod>(resources.pods, { namespace: 'default' });
  const starts = pods.map((pod) => Date.parse(pod.status.startTime!)).sort((a, b) => a - b);
  const gaps = starts.slice(1).map((start, index) => Math.round((start - starts[index]!) / 1000));
  expect(gaps).toEqual([10, 20, 40]);

  const finished = await engine.client.get<Job>(resources.jobs, { namespace: 'default', name: 'flaky' });
  expect(finished.metadata.uid).toBe(created.metadata.uid);
  expect(finished.status).toMatchObject({ failed: 4, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
  expect(jobFinishedCondition(finished)).toMatchObject({ type: 'Failed', reason: 'BackoffLimitExceeded' });
  expect(performance.now() - realStartMs).toBeLessThan(2000);
  await engine.stop();
});
