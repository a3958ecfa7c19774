import { describe, expect, it } from 'vitest';
import { failure, resources, type Job } from '../../api/index.ts';
import { aJob, testContext } from '../../testing/index.ts';
import { createTtlController } from './controller.ts';

const finished = (type = 'Complete'): Job['status'] => ({
  conditions: [{ type, status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
});

function setUp() {
  const context = testContext();
  const { client } = context;
  const controller = createTtlController(context);
  const create = (name: string, ttlSecondsAfterFinished: number | undefined, status: Job['status'] = finished()) =>
    client.create(resources.jobs, aJob(name, { spec: { ttlSecondsAfterFinished }, status }));
  const setTtl = (name: string, ttlSecondsAfterFinished: number | null) =>
    client.patch(
      resources.jobs,
      { namespace: 'default', name },
      { type: 'merge', body: { spec: { ttlSecondsAfterFinished } } },
    );
  const deleted = () => client.callsOf('delete').map((call) => call.key);
  return { ...context, controller, create, setTtl, deleted };
}

describe('TTL after finished', () => {
  it('deletes each finished Job when its time is up, with its Pods first and only this Job', async () => {
    const { run, clock, client, controller, create, deleted } = setUp();
    await create('later', 60, finished('Failed'));
    await create('sooner', 10);
    await create('never', undefined);
    await create('running', 0, { active: 1 });
    await run(controller);
    await clock.advance(9_990);
    expect(deleted()).toEqual([]);
    await clock.advance(20);
    expect(deleted()).toEqual(['default/sooner']);
    const uid = client.all(resources.jobs).find((job) => job.metadata.name === 'sooner')?.metadata.uid;
    expect(client.callsOf('delete')[0]?.detail).toEqual({ propagationPolicy: 'Foreground', preconditions: { uid } });
    await clock.advance(3_600_000);
    expect(deleted()).toEqual(['default/sooner', 'default/later']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('deletes at once when the TTL is zero', async () => {
    const { run, clock, controller, create, deleted } = setUp();
    await run(controller);
    await create('a', 0);
    await clock.settle();
    expect(deleted()).toEqual(['default/a']);
  });

  it('follows a TTL that shrinks, grows or is removed', async () => {
    const { run, clock, controller, create, setTtl, deleted } = setUp();
    for (const name of ['shrinks', 'grows', 'removed']) await create(name, 100);
    await run(controller);
    await setTtl('shrinks', 20);
    await setTtl('grows', 500);
    await setTtl('removed', null);
    await clock.advance(20_000);
    expect(deleted()).toEqual(['default/shrinks']);
    await clock.advance(479_000);
    expect(deleted()).toEqual(['default/shrinks']);
    await clock.advance(2000);
    expect(deleted()).toEqual(['default/shrinks', 'default/grows']);
  });

  it('judges by a live read what the cache does not know yet', async () => {
    const { run, clock, client, controller, create, setTtl, deleted } = setUp();
    await create('a', 10);
    await run(controller);
    client.onCall = ({ verb }) => {
      client.onCall = () => undefined;
      // The TTL is raised just before the controller reads.
      if (verb === 'get') void setTtl('a', 100);
    };
    await clock.advance(10_000);
    expect(deleted()).toEqual([]);
    await clock.advance(90_000);
    expect(deleted()).toEqual(['default/a']);
  });

  it('tries again when the deletion fails, and leaves Jobs alone that are being deleted', async () => {
    const { run, clock, client, controller, create, deleted } = setUp();
    await create('a', 1);
    await run(controller);
    client.onCall = ({ verb }) => {
      if (verb === 'delete') throw failure({ code: 503, reason: 'ServiceUnavailable', message: 'no' });
    };
    await clock.advance(1000);
    client.onCall = () => undefined;
    await clock.advance(1100);
    expect(deleted()).toHaveLength(2);
    // The foreground finalizer keeps it; nobody removes it here.
    expect(client.all(resources.jobs)[0]?.metadata.deletionTimestamp).toBeDefined();
    await clock.advance(100_000);
    expect(deleted()).toHaveLength(2);
  });
});
