import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hasIndex,
  isPodFinished,
  jobFinishedCondition,
  parseIndexes,
  resources,
  type Job,
  type Pod,
} from '../../api/index.ts';
import { seededRandom } from '../../testing/index.ts';
import { completionIndexOf, hasTrackingFinalizer } from './pod-facts.ts';
import { startCluster, TestCluster } from './test-cluster.contract.ts';
import { isOlder } from './versions.ts';

const seed = 20260101;
const maxParallelism = 4;

type Step =
  | { readonly kind: 'run' | 'succeed' | 'fail' | 'delete' | 'purge'; readonly pick: number }
  | { readonly kind: 'suspend' | 'resume' | 'restart' }
  | { readonly kind: 'crash'; readonly writes: number }
  | { readonly kind: 'parallelism'; readonly value: number }
  | { readonly kind: 'advance'; readonly seconds: number };

const podStep = fc.record({
  kind: fc.constantFrom('run' as const, 'succeed' as const, 'fail' as const, 'delete' as const, 'purge' as const),
  pick: fc.nat(9),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: podStep, weight: 8 },
  { arbitrary: fc.record({ kind: fc.constantFrom('suspend', 'resume', 'resume', 'restart') }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('crash' as const), writes: fc.nat(4) }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('parallelism' as const), value: fc.nat(maxParallelism) }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('advance' as const), seconds: fc.constantFrom(1, 15, 700) }), weight: 3 },
) as fc.Arbitrary<Step>;

const scenario = fc.record({
  indexed: fc.boolean(),
  completions: fc.integer({ min: 1, max: 6 }),
  parallelism: fc.integer({ min: 1, max: maxParallelism }),
  backoffLimit: fc.constantFrom(1, 3, 1000),
  perIndex: fc.constantFrom(undefined, undefined, 0, 1),
  replacement: fc.constantFrom('Failed', 'TerminatingOrFailed'),
  /** Seconds by which caches may lag. */
  lag: fc.constantFrom(0, 0, 1, 20),
  steps: fc.array(step, { maxLength: 30 }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

/** What the pods did, seen from outside. */
class Witness {
  readonly created: Pod[] = [];
  readonly last = new Map<string, Pod>();

  async watch({ client }: TestCluster): Promise<void> {
    const { resourceVersion } = await client.list(resources.pods);
    client.watch(
      resources.pods,
      { resourceVersion },
      {
        onEvents: (batch) => {
          for (const event of batch) {
            if (event.type === 'BOOKMARK') continue;
            if (event.type === 'ADDED') this.created.push(event.object);
            this.last.set(event.object.metadata.uid, event.object);
          }
        },
        onEnd: () => undefined,
      },
    );
  }
}

async function take(cluster: TestCluster, taken: Step): Promise<void> {
  const pods = await cluster.pods();
  const of = (wanted: readonly Pod[], pick: number): Pod | undefined => wanted[pick % Math.max(1, wanted.length)];
  const unfinished = pods.filter((pod) => !isPodFinished(pod));
  switch (taken.kind) {
    case 'run':
    case 'succeed':
    case 'fail':
    case 'delete':
    case 'purge': {
      const candidates = taken.kind === 'purge' ? pods.filter((pod) => pod.metadata.deletionTimestamp) : unfinished;
      const pod = of(candidates, taken.pick);
      if (pod === undefined) return;
      if (taken.kind === 'run') await (pod.metadata.deletionTimestamp ? undefined : cluster.run(pod));
      else if (taken.kind === 'succeed') await cluster.end(pod, 'Succeeded');
      else if (taken.kind === 'fail') await cluster.end(pod, 'Failed');
      else if (taken.kind === 'purge') await cluster.purge(pod);
      else await cluster.remove(pod);
      return;
    }
    case 'suspend':
    case 'resume':
      return cluster.patchJob('j', { suspend: taken.kind === 'suspend' });
    case 'parallelism':
      return cluster.patchJob('j', { parallelism: taken.value });
    case 'restart':
      return restart(cluster);
    case 'crash':
      return cluster.crashAfter(taken.writes);
    case 'advance':
      return cluster.clock.advance(taken.seconds * 1000);
  }
}

async function restart(cluster: TestCluster): Promise<void> {
  await cluster.stopController();
  await cluster.startController();
}

/** Lets everything come to its end. */
async function drain(cluster: TestCluster): Promise<void> {
  await restart(cluster);
  await cluster.patchJob('j', { suspend: false, parallelism: maxParallelism });
  for (let round = 0; round < 40; round += 1) {
    await cluster.clock.advance(700_000);
    const pods = await cluster.pods();
    for (const pod of pods.filter(({ metadata }) => metadata.deletionTimestamp)) {
      if (!isPodFinished(pod)) await cluster.end(pod, 'Failed');
      await cluster.purge(pod);
    }
    for (const pod of await cluster.activePods()) await cluster.end(pod, 'Succeeded');
    if (jobFinishedCondition(await cluster.job('j')) !== undefined) break;
  }
  await cluster.clock.advance(700_000);
}

function stagedIn(history: readonly Job[], list: 'succeeded' | 'failed'): Set<string> {
  return new Set(history.flatMap(({ status }) => status.uncountedTerminatedPods?.[list] ?? []));
}

function checkHistory(history: readonly Job[], { indexed }: Scenario): void {
  for (const [i, { status }] of history.entries()) {
    const before = history[i - 1]?.status;
    expect(status.succeeded ?? 0).toBeGreaterThanOrEqual(before?.succeeded ?? 0);
    expect(status.failed ?? 0).toBeGreaterThanOrEqual(before?.failed ?? 0);
    expect(status.active ?? 0).toBeLessThanOrEqual(maxParallelism);
    if (before !== undefined && jobFinishedCondition({ status: before })) expect(status).toEqual(before);
  }
  const last = history.at(-1)!.status;
  const [succeeded, failed] = [stagedIn(history, 'succeeded'), stagedIn(history, 'failed')];
  expect([...succeeded].filter((uid) => failed.has(uid))).toEqual([]);
  expect(failed.size).toBe(last.failed ?? 0);
  if (!indexed) expect(succeeded.size).toBe(last.succeeded ?? 0);
}

/** No pod for an index after the index was recorded as succeeded or failed. */
function checkIndexes(history: readonly Job[], witness: Witness): void {
  for (const pod of witness.created) {
    const index = completionIndexOf(pod);
    const known = history.filter((job) => isOlder(job, pod)).at(-1);
    if (index === undefined || known === undefined) continue;
    for (const list of [known.status.completedIndexes, known.status.failedIndexes]) {
      expect(hasIndex(parseIndexes(list ?? '', 100), index)).toBe(false);
    }
  }
}

/** With caches that are up to date every result of a pod that still had its finalizer is counted, as what it was. */
function checkNothingLost(cluster: TestCluster, witness: Witness, { indexed }: Scenario): void {
  const [succeeded, failed] = [stagedIn(cluster.history, 'succeeded'), stagedIn(cluster.history, 'failed')];
  for (const [uid, phase] of cluster.resultsWithFinalizer) {
    // A deleted pod may have been staged as failed before a crash, and have ended well after it: it stays failed.
    const wasDeleted = witness.last.get(uid)?.metadata.deletionTimestamp !== undefined;
    if (phase === 'Failed') expect(failed).toContain(uid);
    else if (!indexed && !(wasDeleted && failed.has(uid))) expect(succeeded).toContain(uid);
  }
}

async function live(it: Scenario): Promise<void> {
  const random = seededRandom(seed);
  const cluster = await startCluster(it.lag === 0 ? {} : { lagMs: () => Math.floor(random.float() * it.lag * 1000) });
  const witness = new Witness();
  await witness.watch(cluster);
  const { completions, parallelism, backoffLimit, replacement: podReplacementPolicy } = it;
  const perIndex = it.indexed && it.perIndex !== undefined ? { backoffLimitPerIndex: it.perIndex } : {};
  const completionMode = it.indexed ? 'Indexed' : 'NonIndexed';
  await cluster.createJob('j', {
    completions,
    parallelism,
    backoffLimit,
    podReplacementPolicy,
    completionMode,
    ...perIndex,
  });
  for (const taken of it.steps) {
    await take(cluster, taken);
    if (cluster.isDead && taken.kind === 'advance') await restart(cluster);
    expect((await cluster.activePods()).length).toBeLessThanOrEqual(maxParallelism);
    if (it.lag === 0 && !cluster.isDead) {
      const limit = (await cluster.job('j')).spec.parallelism ?? 1;
      expect((await cluster.activePods()).length).toBeLessThanOrEqual(limit);
    }
  }
  await drain(cluster);
  const job = await cluster.job('j');
  expect(jobFinishedCondition(job)?.type).toMatch(/Complete|Failed/);
  expect((await cluster.pods()).filter(hasTrackingFinalizer)).toEqual([]);
  checkHistory(cluster.history, it);
  checkIndexes(cluster.history, witness);
  if (it.lag === 0) checkNothingLost(cluster, witness, it);
  expect(cluster.invariantErrors()).toEqual([]);
  await cluster.stopController();
}

describe('whatever happens to pods, spec and controller', () => {
  it('counts every pod once, keeps to the limits and comes to an end', { timeout: 120_000 }, async () => {
    await fc.assert(fc.asyncProperty(scenario, live), { seed, numRuns: 250, endOnFailure: false });
  });
});
