import { describe, expect, it } from 'vitest';
import { failure, resources, type Event, type KubeObject } from '../api/index.ts';
import { createLogger } from '../log/index.ts';
import { FakeClient, FakeClock, seededRandom } from '../testing/index.ts';
import { createEventRecorder } from './create-event-recorder.ts';

const aJob = (name: string, uid = `uid-of-${name}`): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name, namespace: 'work', uid, resourceVersion: '7', creationTimestamp: '2026-01-01T00:00:00Z' },
});

function setUp() {
  const clock = new FakeClock();
  const client = new FakeClient(clock);
  const lines: string[] = [];
  const log = createLogger({ clock, level: 'info', write: (line) => lines.push(line) });
  const options = { client, component: 'job-controller', clock, random: seededRandom(1), log };
  const recorder = createEventRecorder(options);
  const events = (): Event[] => client.all(resources.events);
  const texts = () => events().map((event) => `${event.count} ${event.message}`);
  return { clock, client, options, recorder, events, texts, lines };
}

describe('event recorder', () => {
  it('writes an Event as upstream writes it', async () => {
    const { clock, recorder, events } = setUp();
    recorder.event(aJob('a'), 'Normal', 'Completed', 'Job completed', { fieldPath: 'spec' });
    await clock.settle();
    const { metadata, ...rest } = events()[0] as Event;
    expect([metadata.namespace, metadata.name]).toEqual(['work', expect.stringMatching(/^a\.[0-9a-f]{16}$/)]);
    expect(rest).toEqual({
      apiVersion: 'v1',
      kind: 'Event',
      involvedObject: {
        apiVersion: 'batch/v1',
        kind: 'Job',
        namespace: 'work',
        name: 'a',
        uid: 'uid-of-a',
        resourceVersion: '7',
        fieldPath: 'spec',
      },
      reason: 'Completed',
      message: 'Job completed',
      source: { component: 'job-controller' },
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      count: 1,
      type: 'Normal',
      reportingComponent: 'job-controller',
      reportingInstance: '',
    });
  });

  it('names the host, and keeps events about cluster-scoped objects in default', async () => {
    const { clock, options, events } = setUp();
    const node = { ...aJob('node-1'), apiVersion: 'v1', kind: 'Node' };
    delete node.metadata.namespace;
    createEventRecorder({ ...options, component: 'kubelet', host: 'node-1' }).event(
      node,
      'Normal',
      'Starting',
      'hello',
    );
    await clock.settle();
    const [event] = events();
    expect(event?.metadata.namespace).toBe('default');
    expect(event?.involvedObject.namespace).toBeUndefined();
    expect([event?.source, event?.reportingInstance]).toEqual([{ component: 'kubelet', host: 'node-1' }, 'node-1']);
  });

  it('raises the count of identical events', async () => {
    const { clock, client, recorder, events } = setUp();
    for (let count = 0; count < 3; count++) {
      recorder.event(aJob('a'), 'Warning', 'FailedCreate', 'Error creating: no');
      await clock.advance(60_000);
    }
    expect(events()).toHaveLength(1);
    expect(events()[0]).toMatchObject({
      count: 3,
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:02:00Z',
    });
    expect(client.callsOf('patch').length).toBe(2);
  });

  it('writes occurrences that come before the write as one', async () => {
    const { clock, client, recorder, texts } = setUp();
    for (let count = 0; count < 3; count++) recorder.event(aJob('a'), 'Normal', 'Same', 'same');
    await clock.settle();
    expect(texts()).toEqual(['3 same']);
    expect(client.calls.length).toBe(1);
  });

  it('tells apart objects, uids, reasons, messages and field paths', async () => {
    const { clock, recorder, events } = setUp();
    recorder.event(aJob('a'), 'Normal', 'Reason', 'message');
    recorder.event(aJob('b'), 'Normal', 'Reason', 'message');
    recorder.event(aJob('a', 'other'), 'Normal', 'Reason', 'message');
    recorder.event(aJob('a'), 'Warning', 'Reason', 'message');
    recorder.event(aJob('a'), 'Normal', 'Other', 'message');
    recorder.event(aJob('a'), 'Normal', 'Reason', 'other');
    recorder.event(aJob('a'), 'Normal', 'Reason', 'message', { fieldPath: 'spec' });
    await clock.settle();
    expect(events().map((event) => event.count)).toEqual([1, 1, 1, 1, 1, 1, 1]);
  });

  it('combines similar events from the tenth message within ten minutes on', async () => {
    const { clock, recorder, texts } = setUp();
    for (let pod = 1; pod <= 12; pod++) recorder.event(aJob('a'), 'Normal', 'SuccessfulCreate', `Created pod: ${pod}`);
    await clock.settle();
    expect(texts()).toHaveLength(10);
    expect(texts()[9]).toBe('3 (combined from similar events): Created pod: 12');
    await clock.advance(10 * 60_000 + 1000);
    recorder.event(aJob('a'), 'Normal', 'SuccessfulCreate', 'Created pod: 13');
    await clock.settle();
    expect(texts()[10]).toBe('1 Created pod: 13');
  });

  it('lets one object have 25 events, then one per five minutes', async () => {
    const { clock, recorder, events } = setUp();
    const say = (name: string) => recorder.event(aJob(name), 'Normal', 'Same', 'same');
    for (let count = 0; count < 40; count++) say('loud');
    say('quiet');
    await clock.settle();
    const counts = () => Object.fromEntries(events().map((event) => [event.involvedObject.name, event.count]));
    expect(counts()).toEqual({ loud: 25, quiet: 1 });
    await clock.advance(5 * 60_000);
    for (let count = 0; count < 3; count++) say('loud');
    await clock.settle();
    expect(counts()).toEqual({ loud: 26, quiet: 1 });
  });

  it('begins anew when the Event was deleted meanwhile', async () => {
    const { clock, client, recorder, events, texts } = setUp();
    recorder.event(aJob('a'), 'Normal', 'Same', 'same');
    await clock.settle();
    await client.delete(resources.events, events()[0]?.metadata as { name: string; namespace: string });
    recorder.event(aJob('a'), 'Normal', 'Same', 'same');
    await clock.settle();
    expect(texts()).toEqual(['1 same']);
  });

  it('drops what is over the budget of the component, with one warning per minute', async () => {
    const { clock, recorder, events, lines } = setUp();
    const burst = (from: number) => {
      for (let job = from; job < from + 1500; job++) recorder.event(aJob(`job-${job}`), 'Normal', 'Reason', 'message');
    };
    burst(0);
    await clock.settle();
    expect(events().length).toBe(1000);
    await clock.advance(1000);
    burst(2000);
    await clock.settle();
    expect(events().length).toBe(1200);
    expect(lines).toHaveLength(1);
    await clock.advance(60_000);
    burst(4000);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain('events were dropped component=job-controller dropped=1800');
  });

  it('warns of nothing when the namespace is being deleted', async () => {
    const { clock, client, recorder, lines } = setUp();
    client.onCall = () => {
      const details = { causes: [{ reason: 'NamespaceTerminating', message: 'it is being terminated' }] };
      throw failure({ code: 403, reason: 'Forbidden', message: 'namespace is terminating', details });
    };
    recorder.event(aJob('a'), 'Normal', 'Reason', 'message');
    await clock.settle();
    expect(lines).toEqual([]);
  });

  it('never throws when the cluster refuses, and says so', async () => {
    const { clock, client, recorder, events, lines } = setUp();
    client.onCall = () => {
      throw failure({ code: 403, reason: 'Forbidden', message: 'namespace is terminating' });
    };
    recorder.event(aJob('a'), 'Normal', 'Reason', 'message');
    recorder.event(aJob('b'), 'Normal', 'Reason', 'message');
    await clock.settle();
    client.onCall = () => undefined;
    recorder.event(aJob('b'), 'Normal', 'Reason', 'message');
    await clock.settle();
    expect(events().map((event) => [event.involvedObject.name, event.count])).toEqual([['b', 2]]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('namespace is terminating');
  });
});
