import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ApiError,
  resources,
  type Event,
  type Pod,
  type PodDisruptionBudget,
  type PodDisruptionBudgetSpec,
} from '../../api/index.ts';
import { aContainer, aPod, startTestEngine, type TestEngine } from '../../testing/index.ts';
import { planBudget } from './plan.ts';

let engine: TestEngine;
beforeEach(async () => {
  engine = await startTestEngine();
});
afterEach(() => engine.stop());

const selector = { matchLabels: { app: 'db' } };
const named = (name: string) => ({ namespace: 'default', name });

async function budget(spec: Partial<PodDisruptionBudgetSpec>, name = 'keep'): Promise<void> {
  await engine.client.create(resources.podDisruptionBudgets, { metadata: named(name), spec: { selector, ...spec } });
  await engine.clock.settle();
}

async function run(name: string, more: { ready?: boolean; annotations?: Record<string, string> } = {}): Promise<void> {
  const annotations = { 'rondo.dev/simulate-duration-ms': 'never', ...more.annotations };
  const gates = more.ready === false ? { readinessGates: [{ conditionType: 'example.com/ready' }] } : {};
  const spec = { containers: [aContainer()], ...gates };
  await engine.client.create(resources.pods, aPod(name, { metadata: { labels: { app: 'db' }, annotations }, spec }));
  await engine.clock.settle();
}

const status = async (name = 'keep'): Promise<PodDisruptionBudget['status']> =>
  (await engine.client.get<PodDisruptionBudget>(resources.podDisruptionBudgets, named(name))).status;
const counts = async (): Promise<readonly number[]> => {
  const { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods } = await status();
  return [disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods];
};
async function refused(name: string): Promise<unknown> {
  const error: unknown = await engine.client.evict(named(name)).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ApiError);
  const { code, reason, message, details } = (error as ApiError).status;
  return [code, reason, message, details?.causes?.[0]?.message];
}
const events = async (reason: string): Promise<readonly string[]> =>
  (await engine.client.list<Event>(resources.events)).items
    .filter((one) => one.reason === reason)
    .map(({ message }) => message ?? '');

const violated = "Cannot evict pod as it would violate the pod's disruption budget.";

describe('a disruption budget', () => {
  it('lets go only as many as it can spare, and says how many that are', async () => {
    await budget({ minAvailable: 2 });
    expect(await counts()).toEqual([0, 0, 2, 0]);
    for (const name of ['a', 'b', 'c']) await run(name);
    expect(await counts()).toEqual([1, 3, 2, 3]);
    expect((await status()).conditions).toMatchObject([
      { type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods', observedGeneration: 1 },
    ]);
    // Also when nobody has had time to count again.
    const both = await Promise.allSettled(['a', 'b'].map((name) => engine.client.evict(named(name))));
    expect(both.map((each) => each.status)).toEqual(['fulfilled', 'rejected']);
    await engine.clock.advance(60_000);
    expect(await counts()).toEqual([0, 2, 2, 2]);
    expect((await status()).conditions).toMatchObject([{ status: 'False', reason: 'InsufficientPods' }]);
    expect(await refused('b')).toEqual([
      ...[429, 'TooManyRequests', violated],
      'The disruption budget keep needs 2 healthy pods and has 2 currently',
    ]);
    const { items } = await engine.client.list<Pod>(resources.pods);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['b', 'c']);
    // Who deletes is not asked.
    await engine.client.delete(resources.pods, named('b'), { gracePeriodSeconds: 0 });
  });

  it('does not hold what is over, nor what is not ready while enough others are', async () => {
    await budget({ minAvailable: 1 });
    await run('a');
    await run('slow', { ready: false });
    await run('done', { annotations: { 'rondo.dev/simulate-duration-ms': '0' } });
    expect(await counts()).toEqual([0, 1, 1, 3]);
    await engine.client.evict(named('slow'));
    await engine.client.evict(named('done'));
    expect((await refused('a')) as unknown[]).toContain(429);
  });

  it('holds what is not ready when there are too few, unless it is told not to', async () => {
    await budget({ minAvailable: 1 });
    await run('slow', { ready: false });
    expect((await refused('slow')) as unknown[]).toContain(429);
    const body = { spec: { unhealthyPodEvictionPolicy: 'AlwaysAllow' } };
    await engine.client.patch(resources.podDisruptionBudgets, named('keep'), { type: 'merge', body });
    await engine.clock.settle();
    await engine.client.evict(named('slow'));
  });

  it('is asked by dry runs, which change nothing', async () => {
    await budget({ minAvailable: 0 });
    await run('a');
    const before = await status();
    const { operations } = engine.apiServer;
    const user = { name: 'admin', groups: ['system:masters'] };
    const request = { kind: operations.kinds.find('', 'v1', 'pods')!, namespace: 'default', user, dryRun: true };
    await operations.evict(request, named('a'), {});
    expect(await status()).toEqual(before);
  });

  it('says what it cannot be: two for one Pod, a share of what nobody counts', async () => {
    await budget({ minAvailable: 0 });
    await budget({ minAvailable: 0 }, 'second');
    await run('a');
    const several = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    expect(await refused('a')).toEqual([500, undefined, several, undefined]);
    await engine.client.delete(resources.podDisruptionBudgets, named('second'));
    const body = { spec: { minAvailable: null, maxUnavailable: '50%' } };
    await engine.client.patch(resources.podDisruptionBudgets, named('keep'), { type: 'merge', body });
    await engine.clock.settle();
    expect(await counts()).toEqual([0, 1, 0, 0]);
    expect((await events('UnmanagedPods'))[0]).toMatch(/were found to be unmanaged/);
  });

  it('counts a Pod again that was to be evicted and was not', () => {
    const pod = { ...aPod('a'), status: { conditions: [{ type: 'Ready', status: 'True' }] } } as unknown as Pod;
    const disruptedPods = { a: '2026-01-01T00:00:00Z', gone: '2026-01-01T00:00:00Z' };
    const made = {
      metadata: { ...named('keep'), generation: 3 },
      spec: { selector, minAvailable: 0 },
      status: { disruptedPods, disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
    } as unknown as PodDisruptionBudget;
    const at = Date.parse('2026-01-01T00:00:00Z');
    const early = planBudget(made, [pod], at + 60_000);
    expect(early).toMatchObject({
      recheckMs: at + 120_000,
      notDeleted: [],
      status: { currentHealthy: 0, observedGeneration: 3 },
    });
    expect(early.status.disruptedPods).toEqual({ a: '2026-01-01T00:00:00Z' });
    const late = planBudget(made, [pod], at + 120_001);
    expect(late.notDeleted).toEqual([pod]);
    expect(late.status).toMatchObject({ currentHealthy: 1, disruptionsAllowed: 1 });
    expect(late.status.disruptedPods).toBeUndefined();
  });
});
