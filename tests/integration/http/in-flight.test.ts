import { describe, expect, it } from 'vitest';
import type { UserInfo } from '../../../src/apiserver/index.ts';
import type { Stored } from '../../../src/apiserver/operations.ts';
import { createMetrics, type Metrics } from '../../../src/metrics/index.ts';
import { scriptedOperations, storedObject } from './scripted-operations.ts';
import { deferred, master, masterToken, open, startTestServer, type Answer, type TestServer } from './test-server.ts';

const podPath = '/api/v1/namespaces/default/pods/p';
const podsPath = '/api/v1/namespaces/default/pods';
const metadata = { name: 'p', namespace: 'default', uid: 'u', resourceVersion: '1', creationTimestamp: '' };
const stored = storedObject({ metadata });
const bob: UserInfo = { name: 'bob', groups: [] };

interface Busy {
  readonly server: TestServer;
  readonly metrics: Metrics;
  readonly asBob: (method: string, path: string) => Promise<Answer>;
  /** Sends a request as the master and resolves when it is under way. */
  readonly occupy: (method: string) => Promise<{ readonly answer: Promise<Answer> }>;
  /** Lets all of them end. */
  readonly finish: () => void;
}

async function busyServer(inFlight: { reading: number; mutating: number }): Promise<Busy> {
  const [metrics, end] = [createMetrics(), deferred<Stored>()];
  let began = deferred<void>();
  const whenFinished = (): Promise<Stored> => {
    began.resolve();
    return end.promise;
  };
  const operations = scriptedOperations({
    get: whenFinished,
    delete: async () => ({ stored: await whenFinished(), removed: true }),
    watch: () => ({ close: () => undefined }),
  });
  const tokens = new Map([
    [masterToken, master],
    ['of-bob', bob],
  ]);
  const server = await startTestServer({ operations, handler: { inFlight, metrics }, listen: { tokens } });
  return {
    server,
    metrics,
    asBob: (method, path) => server.send(method, path, { headers: { authorization: 'Bearer of-bob' } }),
    occupy: async (method) => {
      began = deferred();
      const answer = server.send(method, podPath);
      await began.promise;
      return { answer };
    },
    finish: () => end.resolve(stored),
  };
}

describe('requests under way', () => {
  it('are refused beyond the limit with 429 and a time to try again, until one of them ends', async () => {
    const { asBob, occupy, finish } = await busyServer({ reading: 1, mutating: 1 });
    expect((await asBob('GET', '/apis')).code).toBe(200);
    const { answer } = await occupy('GET');
    const refused = await asBob('GET', '/apis');
    expect([refused.code, refused.headers['retry-after'], refused.body]).toEqual([
      ...[429, '1', 'Too many requests, please try again later.\n'],
    ]);
    finish();
    expect((await answer).code).toBe(200);
    expect((await asBob('GET', '/apis')).code).toBe(200);
  });

  it('are counted apart, by whether they only read', async () => {
    const { asBob, occupy, finish, metrics } = await busyServer({ reading: 1, mutating: 1 });
    const { answer } = await occupy('DELETE');
    expect((await asBob('GET', '/apis')).code).toBe(200);
    expect((await asBob('DELETE', podPath)).code).toBe(429);
    expect(metrics.render()).toContain('apiserver_current_inflight_requests{request_kind="mutating"} 1');
    expect(metrics.render()).toContain('apiserver_current_inflight_requests{request_kind="readOnly"} 0');
    finish();
    await answer;
    // Who may not do it is told so, and leaves room for the next.
    for (let time = 0; time < 3; time++) expect((await asBob('DELETE', podPath)).code).toBe(403);
  });

  it('never keep the administrator out', async () => {
    const { server, occupy, finish } = await busyServer({ reading: 1, mutating: 1 });
    const first = await occupy('GET');
    const second = await occupy('GET');
    expect((await server.send('GET', '/apis')).code).toBe(200);
    finish();
    expect([(await first.answer).code, (await second.answer).code]).toEqual([200, 200]);
  });

  it('do not count while they watch', async () => {
    const { server, asBob } = await busyServer({ reading: 1, mutating: 1 });
    const watches = await Promise.all([1, 2, 3].map(() => open(server.listening, 'GET', `${podsPath}?watch=1`)));
    expect(watches.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    expect((await asBob('GET', '/apis')).code).toBe(200);
    for (const watch of watches) watch.destroy();
  });

  it('may be any number where the limit is 0', async () => {
    const { asBob, occupy, finish } = await busyServer({ reading: 0, mutating: 0 });
    const { answer } = await occupy('GET');
    expect((await asBob('GET', '/apis')).code).toBe(200);
    finish();
    await answer;
  });
});
