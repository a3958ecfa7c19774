import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  resources,
  type Draft,
  type Event,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type PodSpec,
} from '../../src/api/index.ts';
import { aPod, startTestEngine, type TestEngine } from '../../src/testing/index.ts';

let engine: TestEngine;
beforeEach(async () => {
  engine = await startTestEngine();
});
afterEach(() => engine.stop());

const ref = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });

function claimDraft(name: string, spec: Partial<PersistentVolumeClaim['spec']> = {}): Draft<PersistentVolumeClaim> {
  const resourcesOf = { requests: { storage: '1Gi' } };
  return { metadata: ref(name), spec: { accessModes: ['ReadWriteOnce'], resources: resourcesOf, ...spec } };
}

function volumeDraft(name: string, spec: Partial<PersistentVolume['spec']> = {}): Draft<PersistentVolume> {
  const basic = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: `/data/${name}` } };
  return { metadata: { name }, spec: { ...basic, storageClassName: 'manual', ...spec } };
}

function podDraft(name: string, claim: string, spec: Partial<PodSpec> = {}): Draft<Pod> {
  const annotations = { 'rondo.dev/simulate-duration-ms': 'never' };
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: claim } }];
  return aPod(name, { metadata: { annotations }, spec: { volumes, ...spec } });
}

async function create<T>(promise: Promise<T>): Promise<T> {
  const made = await promise;
  await engine.clock.advance(1500);
  return made;
}
const createClaim = (draft: Draft<PersistentVolumeClaim>): Promise<PersistentVolumeClaim> =>
  create(engine.client.create(resources.persistentVolumeClaims, draft));
const createVolume = (draft: Draft<PersistentVolume>): Promise<PersistentVolume> =>
  create(engine.client.create(resources.persistentVolumes, draft));
const createPod = (draft: Draft<Pod>): Promise<Pod> => create(engine.client.create(resources.pods, draft));
const claim = (name: string): Promise<PersistentVolumeClaim> =>
  engine.client.get(resources.persistentVolumeClaims, ref(name));
const volume = (name: string): Promise<PersistentVolume> => engine.client.get(resources.persistentVolumes, { name });
const pod = (name: string): Promise<Pod> => engine.client.get(resources.pods, ref(name));
const phase = async (name: string): Promise<string | undefined> => (await pod(name)).status.phase;

async function reasons(): Promise<readonly string[]> {
  const { items } = await engine.client.list<Event>(resources.events, { namespace: 'default' });
  return items.map(({ reason }) => reason ?? '');
}

describe('a claim without a class', () => {
  it('gets the class "standard", waits for its first consumer, and then a volume of its own', async () => {
    await createClaim(claimDraft('data'));
    expect(await claim('data')).toMatchObject({ spec: { storageClassName: 'standard' }, status: { phase: 'Pending' } });
    expect(await reasons()).toContain('WaitForFirstConsumer');
    await createPod(podDraft('p', 'data'));
    expect(await phase('p')).toBe('Running');
    const bound = await claim('data');
    expect(bound).toMatchObject({
      spec: { volumeName: `pvc-${bound.metadata.uid}` },
      status: { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } },
    });
    expect(await volume(bound.spec.volumeName!)).toMatchObject({
      spec: {
        claimRef: { namespace: 'default', name: 'data', uid: bound.metadata.uid },
        persistentVolumeReclaimPolicy: 'Delete',
        storageClassName: 'standard',
      },
      status: { phase: 'Bound' },
    });
    expect(await reasons()).toContain('ProvisioningSucceeded');
  });

  it('takes its volume with it, but not while a Pod uses it', async () => {
    await createClaim(claimDraft('data'));
    await createPod(podDraft('p', 'data'));
    const { volumeName } = (await claim('data')).spec;
    await engine.client.delete(resources.persistentVolumeClaims, ref('data'));
    await engine.clock.settle();
    expect((await claim('data')).metadata.deletionTimestamp).toBeDefined();
    expect(await phase('p')).toBe('Running');
    await engine.client.delete(resources.pods, ref('p'));
    await engine.clock.advance(1000);
    await expect(claim('data')).rejects.toMatchObject({ reason: 'NotFound' });
    await expect(volume(volumeName!)).rejects.toMatchObject({ reason: 'NotFound' });
  });
});

describe('volumes made by hand', () => {
  it('are bound to the smallest that will do: class, modes, size and labels', async () => {
    await createVolume(volumeDraft('huge', { capacity: { storage: '9Gi' } }));
    await createVolume(volumeDraft('small', { capacity: { storage: '500Mi' } }));
    await createVolume(volumeDraft('other', { storageClassName: 'elsewhere' }));
    await createVolume(volumeDraft('fit', { capacity: { storage: '2Gi' } }));
    expect((await volume('fit')).status.phase).toBe('Available');
    await createClaim(claimDraft('data', { storageClassName: 'manual' }));
    expect(await claim('data')).toMatchObject({ spec: { volumeName: 'fit' }, status: { phase: 'Bound' } });
    expect((await volume('fit')).status.phase).toBe('Bound');
    const shared = claimDraft('shared', { storageClassName: 'manual', accessModes: ['ReadWriteMany'] });
    await createClaim(shared);
    expect((await claim('shared')).status.phase).toBe('Pending');
    expect(await reasons()).toContain('ProvisioningFailed');
  });

  it('come to a claim that waits for one', async () => {
    await createClaim(claimDraft('data', { storageClassName: 'manual', selector: { matchLabels: { disk: 'fast' } } }));
    await createVolume(volumeDraft('slow'));
    expect((await claim('data')).status.phase).toBe('Pending');
    await createVolume({ ...volumeDraft('fast'), metadata: { name: 'fast', labels: { disk: 'fast' } } });
    expect((await claim('data')).spec.volumeName).toBe('fast');
  });

  it('are kept and released, never given to the next claim, under Retain', async () => {
    await createVolume(volumeDraft('keep'));
    await createClaim(claimDraft('data', { storageClassName: 'manual' }));
    await engine.client.delete(resources.persistentVolumeClaims, ref('data'));
    await engine.clock.settle();
    expect((await volume('keep')).status.phase).toBe('Released');
    await createClaim(claimDraft('data', { storageClassName: 'manual' }));
    expect((await claim('data')).status.phase).toBe('Pending');
  });

  it('are lost to their claim when somebody deletes them by force', async () => {
    await createVolume(volumeDraft('keep'));
    await createClaim(claimDraft('data', { storageClassName: 'manual' }));
    await engine.client.delete(resources.persistentVolumes, { name: 'keep' });
    await engine.clock.settle();
    expect((await volume('keep')).metadata.deletionTimestamp).toBeDefined();
    const body = { metadata: { finalizers: null } };
    await engine.client.patch(resources.persistentVolumes, { name: 'keep' }, { type: 'merge', body });
    await engine.clock.advance(1000);
    expect((await claim('data')).status.phase).toBe('Lost');
    expect(await reasons()).toContain('ClaimLost');
  });

  it('can be reserved for a claim by name', async () => {
    await createVolume(
      volumeDraft('mine', { claimRef: { namespace: 'default', name: 'data' }, capacity: { storage: '5Gi' } }),
    );
    await createVolume(volumeDraft('better'));
    await createClaim(claimDraft('data', { storageClassName: 'manual' }));
    expect((await claim('data')).spec.volumeName).toBe('mine');
  });

  it('are for one claim each, however many claims come at once', async () => {
    await createVolume(volumeDraft('one'));
    await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        engine.client.create(resources.persistentVolumeClaims, claimDraft(name, { storageClassName: 'manual' })),
      ),
    );
    await engine.clock.advance(5000);
    const phases = await Promise.all(['a', 'b', 'c'].map(async (name) => (await claim(name)).status.phase));
    expect(phases.filter((phase) => phase === 'Bound')).toHaveLength(1);
  });
});

const noHelp = 'preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.';

describe('a Pod', () => {
  const why = async (name: string): Promise<string | undefined> =>
    (await pod(name)).status.conditions?.find(({ type }) => type === 'PodScheduled')?.message;

  it('waits for a claim that does not exist yet', async () => {
    await createPod(podDraft('p', 'later'));
    expect(await why('p')).toBe(`0/1 nodes are available: persistentvolumeclaim "later" not found. ${noHelp}`);
    await createClaim(claimDraft('later'));
    expect(await phase('p')).toBe('Running');
  });

  it('waits for a claim that is bound at once but has no volume', async () => {
    await createClaim(claimDraft('data', { storageClassName: '' }));
    await createPod(podDraft('p', 'data'));
    expect(await why('p')).toBe(`0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. ${noHelp}`);
    await createVolume(volumeDraft('v', { storageClassName: '' }));
    expect(await phase('p')).toBe('Running');
  });

  it('has a ReadWriteOncePod claim for itself', async () => {
    await createClaim(claimDraft('data', { accessModes: ['ReadWriteOncePod'] }));
    await createPod(podDraft('first', 'data'));
    await createPod(podDraft('second', 'data'));
    expect(await why('second')).toContain('ReadWriteOncePod access mode');
    await engine.client.delete(resources.pods, ref('first'));
    await engine.clock.advance(1500);
    expect(await phase('second')).toBe('Running');
  });

  it('gets ephemeral volumes that go with it', async () => {
    const volumeClaimTemplate = { metadata: { labels: { a: 'b' } }, spec: claimDraft('x').spec };
    const volumes = [{ name: 'scratch', ephemeral: { volumeClaimTemplate } }];
    await createPod(podDraft('p', '', { volumes }));
    await engine.clock.advance(1500);
    expect(await phase('p')).toBe('Running');
    expect(await claim('p-scratch')).toMatchObject({ metadata: { labels: { a: 'b' } }, status: { phase: 'Bound' } });
    await engine.client.delete(resources.pods, ref('p'));
    await engine.clock.advance(2000);
    await expect(claim('p-scratch')).rejects.toMatchObject({ reason: 'NotFound' });
  });
});
