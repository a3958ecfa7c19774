import { describe, expect, it } from 'vitest';
import { resources, type Job, type ObjectMeta, type OwnerReference, type Pod } from '../../api/index.ts';
import type { PropagationPolicy } from '../../client/index.ts';
import { aJob, aNode, aPod, testContext } from '../../testing/index.ts';
import { createGarbageCollector } from './controller.ts';

const ownedBy = (owner: Job, overrides: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  name: owner.metadata.name,
  uid: owner.metadata.uid,
  controller: true,
  blockOwnerDeletion: true,
  ...overrides,
});

function setUp() {
  const context = testContext();
  const { client } = context;
  const collector = createGarbageCollector(context);
  const createJob = (name: string, metadata: Partial<ObjectMeta> = {}) =>
    client.create<Job>(resources.jobs, aJob(name, { metadata }));
  const createPod = (name: string, ownerReferences: readonly OwnerReference[], metadata: Partial<ObjectMeta> = {}) =>
    client.create<Pod>(resources.pods, aPod(name, { metadata: { ownerReferences, ...metadata } }));
  const deleteJob = (name: string, propagationPolicy: PropagationPolicy) =>
    client.delete(resources.jobs, { namespace: 'default', name }, { propagationPolicy });
  const pods = () => client.all(resources.pods).map(({ metadata }) => metadata.name);
  const jobs = () => client.all(resources.jobs).map(({ metadata }) => metadata.name);
  const deletions = () => client.callsOf('delete').map((call) => `${call.resource} ${call.key}`);
  const release = (name: string) =>
    client.patch(
      resources.pods,
      { namespace: 'default', name },
      { type: 'merge', body: { metadata: { finalizers: [] } } },
    );
  return { ...context, collector, createJob, createPod, deleteJob, pods, jobs, deletions, release };
}

describe('background deletion', () => {
  it('deletes the dependents of an owner that is gone, down to their own', async () => {
    const { run, clock, client, collector, createJob, createPod, deleteJob, pods } = setUp();
    const job = await createJob('job');
    const other = await createJob('other');
    const pod = await createPod('pod', [ownedBy(job)]);
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'pod', uid: pod.metadata.uid };
    await client.create(resources.configMaps, {
      metadata: { namespace: 'default', name: 'map', ownerReferences: [owner] },
    });
    await createPod('other', [ownedBy(other)]);
    await createPod('free', []);
    await run(collector);
    expect(client.callsOf('get')).toEqual([]);
    await deleteJob('job', 'Background');
    await clock.settle();
    expect([pods(), client.all(resources.configMaps)]).toEqual([['other', 'free'], []]);
  });

  it('reads an owner of many live only once', async () => {
    const { run, clock, client, collector, createJob, createPod, deleteJob, pods } = setUp();
    const job = await createJob('job');
    for (let index = 0; index < 50; index++) await createPod(`pod-${index}`, [ownedBy(job)]);
    await run(collector);
    await deleteJob('job', 'Background');
    await clock.settle();
    expect(pods()).toEqual([]);
    const reads = client.callsOf('get', resources.jobs).length;
    // Workers that begin together may each read before the first answer is there.
    expect(reads).toBeLessThanOrEqual(16);
  });

  it('collects at the start what lost its owner while nobody looked', async () => {
    const { run, collector, createJob, createPod, deleteJob, pods } = setUp();
    const job = await createJob('job');
    await createPod('pod', [ownedBy(job)]);
    await deleteJob('job', 'Background');
    await run(collector);
    expect(pods()).toEqual([]);
  });

  it('takes an owner of the same name but another uid for gone', async () => {
    const { run, clock, collector, createJob, createPod, deleteJob, pods } = setUp();
    const job = await createJob('job');
    await createPod('pod', [ownedBy(job)]);
    await deleteJob('job', 'Background');
    await createJob('job');
    await run(collector);
    await clock.settle();
    expect(pods()).toEqual([]);
  });

  it('keeps an object while one of its owners lives, and drops the other reference', async () => {
    const { run, clock, client, collector, createJob, createPod, deleteJob } = setUp();
    const one = await createJob('one');
    const two = await createJob('two');
    await createPod('pod', [ownedBy(one), ownedBy(two, { controller: false })]);
    await run(collector);
    await deleteJob('one', 'Background');
    await clock.settle();
    const owners = client.all(resources.pods)[0]?.metadata.ownerReferences;
    expect(owners).toEqual([ownedBy(two, { controller: false })]);
  });

  it('keeps dependents of kinds it does not watch', async () => {
    const { run, clock, collector, createPod, pods } = setUp();
    await createPod('pod', [{ apiVersion: 'example.com/v1', kind: 'Thing', name: 'thing', uid: 'unknown' }]);
    await run(collector);
    await clock.advance(60_000);
    expect(pods()).toEqual(['pod']);
  });

  it('trusts a live read when its cache is behind', async () => {
    const { run, clock, client, collector, createJob, createPod, pods } = setUp();
    await run(collector);
    client.onCall = () => undefined;
    const job = await createJob('job');
    await createPod('pod', [ownedBy(job)]);
    await clock.settle();
    expect(pods()).toEqual(['pod']);
  });

  it('deletes dependents of owners in other namespaces, with an event that says why', async () => {
    const { run, clock, collector, createJob, createPod, pods, events } = setUp();
    const job = await createJob('job', { namespace: 'elsewhere' });
    await createPod('pod', [ownedBy(job)]);
    await run(collector);
    await clock.settle();
    expect(pods()).toEqual([]);
    const owner = `[batch/v1/Job, namespace: default, name: job, uid: ${job.metadata.uid}]`;
    expect(events()).toEqual([
      `Warning OwnerRefInvalidNamespace ownerRef ${owner} does not exist in namespace "default"`,
    ]);
  });

  it('keeps a cluster-scoped object whose owner cannot be found, and says so', async () => {
    const { run, clock, client, collector, createJob, events } = setUp();
    const job = await createJob('job');
    await client.create(resources.nodes, aNode('node', { metadata: { ownerReferences: [ownedBy(job)] } }));
    await run(collector);
    await clock.settle();
    expect(client.all(resources.nodes)).toHaveLength(1);
    expect(events()[0]).toContain('Warning OwnerRefInvalidNamespace');
  });
});

describe('foreground deletion', () => {
  it('deletes blocking dependents first and the owner when they are gone', async () => {
    const { run, clock, collector, createJob, createPod, deleteJob, pods, jobs, deletions, release } = setUp();
    const job = await createJob('job');
    await createPod('held', [ownedBy(job)], { finalizers: ['batch.kubernetes.io/job-tracking'] });
    await createPod('quick', [ownedBy(job)]);
    await run(collector);
    await deleteJob('job', 'Foreground');
    await clock.settle();
    expect([pods(), jobs()]).toEqual([['held'], ['job']]);
    await release('held');
    await clock.settle();
    expect([pods(), jobs()]).toEqual([[], []]);
    expect(deletions()).toEqual(['jobs.batch default/job', 'pods default/held', 'pods default/quick']);
  });

  it('does not wait for dependents that do not block, but deletes them after', async () => {
    const { run, clock, collector, createJob, createPod, deleteJob, pods, jobs } = setUp();
    const job = await createJob('job');
    await createPod('pod', [ownedBy(job, { blockOwnerDeletion: false })], { finalizers: ['x/y'] });
    await run(collector);
    await deleteJob('job', 'Foreground');
    await clock.settle();
    expect(jobs()).toEqual([]);
    expect(pods()).toEqual(['pod']);
  });

  it('goes on when a blocking dependent is given another owner', async () => {
    const { run, clock, client, collector, createJob, createPod, deleteJob, pods, jobs } = setUp();
    const job = await createJob('job');
    await createPod('pod', [ownedBy(job)], { finalizers: ['x/y'] });
    await run(collector);
    await deleteJob('job', 'Foreground');
    await clock.settle();
    const body = { metadata: { ownerReferences: [] } };
    await client.patch(resources.pods, { namespace: 'default', name: 'pod' }, { type: 'merge', body });
    await clock.settle();
    expect([pods(), jobs()]).toEqual([['pod'], []]);
  });

  it('deletes dependents that appear while the owner waits', async () => {
    const { run, clock, collector, createJob, createPod, deleteJob, pods, jobs, release } = setUp();
    const job = await createJob('job');
    await createPod('held', [ownedBy(job)], { finalizers: ['x/y'] });
    await run(collector);
    await deleteJob('job', 'Foreground');
    await clock.settle();
    await createPod('late', [ownedBy(job)]);
    await clock.settle();
    expect(pods()).toEqual(['held']);
    await release('held');
    await clock.settle();
    expect(jobs()).toEqual([]);
  });

  it('ends when two objects own one another', async () => {
    const { run, clock, client, collector, createJob, deleteJob, jobs } = setUp();
    const one = await createJob('one');
    const two = await createJob('two', { ownerReferences: [ownedBy(one)] });
    const body = { metadata: { ownerReferences: [ownedBy(two)] } };
    await client.patch(resources.jobs, { namespace: 'default', name: 'one' }, { type: 'merge', body });
    await run(collector);
    await deleteJob('one', 'Foreground');
    await clock.advance(10_000);
    expect(jobs()).toEqual([]);
  });

  it('reads again when somebody else wrote the owner meanwhile', async () => {
    const { run, clock, client, collector, createJob, createPod, deleteJob, jobs } = setUp();
    const job = await createJob('job');
    await createPod('pod', [ownedBy(job)]);
    await run(collector);
    let writes = 0;
    client.onCall = ({ verb, resource }) => {
      if (verb !== 'patch' || resource !== 'jobs.batch' || writes++ > 0) return;
      const body = { metadata: { labels: { touched: 'yes' } } };
      void client.patch(resources.jobs, { namespace: 'default', name: 'job' }, { type: 'merge', body });
    };
    await deleteJob('job', 'Foreground');
    await clock.settle();
    expect(jobs()).toEqual([]);
  });
});

describe('orphaning', () => {
  it('frees the dependents, then lets the owner go', async () => {
    const { run, clock, client, collector, createJob, createPod, deleteJob, jobs } = setUp();
    const job = await createJob('job');
    const keeper = await createJob('keeper');
    for (let index = 0; index < 70; index++) await createPod(`pod-${index}`, [ownedBy(job)]);
    await createPod('shared', [ownedBy(job), ownedBy(keeper)]);
    await run(collector);
    await deleteJob('job', 'Orphan');
    await clock.settle();
    expect(jobs()).toEqual(['keeper']);
    const owners = client.all(resources.pods).map(({ metadata }) => metadata.ownerReferences);
    expect(owners).toHaveLength(71);
    expect(owners.slice(0, 70).every((references) => references?.length === 0)).toBe(true);
    expect(owners[70]).toEqual([ownedBy(keeper)]);
  });
});
