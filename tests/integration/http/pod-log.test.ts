import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { badRequest, type Pod } from '../../../src/api/index.ts';
import { noPods } from '../../../src/apiserver/no-pods.ts';
import type { PodStreams, Stored } from '../../../src/apiserver/operations.ts';
import { scriptedOperations, storedObject } from './scripted-operations.ts';
import { deferred, open, startTestServer, type TestServer } from './test-server.ts';

const running = { state: { running: { startedAt: '2026-01-01T00:00:00Z' } } };
const restarting = { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { exitCode: 1 } } };
const creating = { state: { waiting: { reason: 'ContainerCreating' } } };

function podWith(
  containers: Record<string, object>,
  more: { node?: string; annotations?: Record<string, string> } = {},
): Stored {
  const pod = {
    metadata: {
      name: 'p',
      namespace: 'default',
      creationTimestamp: '2026-01-01T00:00:00Z',
      annotations: more.annotations ?? {},
    },
    spec: { nodeName: more.node ?? 'n', containers: Object.keys(containers).map((name) => ({ name, image: 'i' })) },
    status: { containerStatuses: Object.entries(containers).map(([name, state]) => ({ name, ...state })) },
  };
  return storedObject(pod as unknown as Pod);
}

async function serverFor(pod: Stored, log: PodStreams['log']): Promise<TestServer> {
  const operations = scriptedOperations({ get: () => Promise.resolve(pod) });
  return startTestServer({ operations, podStreams: { ...noPods, log } });
}

const path = '/api/v1/namespaces/default/pods/p/log';
const hello = (_pod: Pod, options: object): AsyncIterable<Uint8Array> =>
  Readable.from([Buffer.from(`hello ${JSON.stringify(options)}`)]);

describe('the log of a Pod', () => {
  it('is text, with the options that were asked for', async () => {
    const server = await serverFor(podWith({ c: running }), hello);
    const query = 'tailLines=5&timestamps=true&sinceSeconds=60&limitBytes=100&pretty=false&stream=All';
    const answer = await server.send('GET', `${path}?${query}`);
    expect(answer.headers['content-type']).toBe('text/plain');
    expect(JSON.parse(answer.body.slice('hello '.length))).toEqual({
      container: 'c',
      follow: false,
      previous: false,
      timestamps: true,
      tailLines: 5,
      sinceSeconds: 60,
      limitBytes: 100,
    });
  });

  it('comes chunk by chunk while it is followed, and stops when the client goes', async () => {
    const more = deferred<undefined>();
    const stopped = deferred<undefined>();
    async function* follow(_pod: Pod, _options: object, signal: AbortSignal): AsyncIterable<Uint8Array> {
      yield Buffer.from('one\n');
      await more.promise;
      yield Buffer.from('two\n');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      stopped.resolve(undefined);
    }
    const server = await serverFor(podWith({ c: running }), follow);
    const stream = await open(server.listening, 'GET', `${path}?follow=true`);
    const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    expect((await chunks.next()).value.toString()).toBe('one\n');
    more.resolve(undefined);
    expect((await chunks.next()).value.toString()).toBe('two\n');
    stream.destroy();
    await stopped.promise;
  });

  it('sends the head of a followed log even before there is output', async () => {
    async function* silent(_pod: Pod, _options: object, signal: AbortSignal): AsyncIterable<Uint8Array> {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    }
    const server = await serverFor(podWith({ c: running }), silent);
    const stream = await open(server.listening, 'GET', `${path}?follow=true`);
    expect(stream.statusCode).toBe(200);
    stream.destroy();
  });

  it('reports a failure before the first output as a Status', async () => {
    const gone = (): AsyncIterable<Uint8Array> => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(badRequest('the log is gone')) }),
    });
    const answer = await (await serverFor(podWith({ c: running }), gone)).send('GET', path);
    expect(answer.json).toMatchObject({ code: 400, message: 'the log is gone' });
  });

  it.each([
    [
      'two containers',
      { a: running, b: running },
      '',
      'a container name must be specified for pod p, choose one of: [a b]',
    ],
    ['an unknown container', { a: running }, 'container=x', 'container x is not valid for pod p'],
    [
      'a container that is not there yet',
      { a: creating },
      '',
      'container "a" in pod "p" is waiting to start: ContainerCreating',
    ],
    ['no earlier run', { a: running }, 'previous=true', 'previous terminated container "a" in pod "p" not found'],
  ])('is refused for %s', async (_name, containers, query, message) => {
    const answer = await (await serverFor(podWith(containers), hello)).send('GET', `${path}?${query}`);
    expect(answer.json).toMatchObject({ code: 400, reason: 'BadRequest', message });
  });

  it.each([
    ['tailLines=-1', 422],
    ['sinceSeconds=0', 422],
    ['sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z', 422],
    ['sinceTime=yesterday', 422],
    ['limitBytes=0', 422],
    ['tailLines=many', 400],
  ])('is refused for %s', async (query, code) => {
    const answer = await (await serverFor(podWith({ c: running }), hello)).send('GET', `${path}?${query}`);
    expect(answer.code).toBe(code);
  });

  it('is that of the default container', async () => {
    const annotations = { 'kubectl.kubernetes.io/default-container': 'b' };
    const server = await serverFor(podWith({ a: running, b: running }, { annotations }), hello);
    expect((await server.send('GET', path)).body).toContain('"container":"b"');
  });

  it('is that of the last run while the container waits to be started again', async () => {
    const server = await serverFor(podWith({ c: restarting }), hello);
    expect((await server.send('GET', path)).code).toBe(200);
    expect((await server.send('GET', `${path}?previous=true`)).code).toBe(200);
  });

  it('is empty for a Pod without a node', async () => {
    const answer = await (await serverFor(podWith({ c: {} }, { node: '' }), hello)).send('GET', path);
    expect([answer.code, answer.body]).toEqual([200, '']);
  });
});
