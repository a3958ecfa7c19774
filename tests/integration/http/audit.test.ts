import { describe, expect, it } from 'vitest';
import type { UserInfo } from '../../../src/apiserver/index.ts';
import { open, startRealApi, type RealApi } from './test-server.ts';

const ann: UserInfo = { name: 'ann', groups: ['devs'] };
type Line = Record<string, unknown>;

async function audited(): Promise<RealApi & { readonly lines: () => Line[]; readonly text: () => string }> {
  const written: string[] = [];
  const api = await startRealApi([ann], { audit: { write: (line) => void written.push(line) } });
  return { ...api, lines: () => written.map((line) => JSON.parse(line) as Line), text: () => written.join('\n') };
}

describe('the audit of requests', () => {
  it('says who did what, when, and what the answer was, but not what was sent', async () => {
    const { ask, lines, text } = await audited();
    const path = '/api/v1/namespaces/default/secrets';
    const stringData = { password: 'planted-secret' };
    const answer = await ask('POST', path, { metadata: { name: 's' }, stringData }, undefined, {
      'user-agent': 'me/1',
    });
    expect(lines()).toEqual([
      {
        ...{ kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'Metadata', stage: 'ResponseComplete' },
        auditID: answer.headers['audit-id'],
        ...{ requestURI: path, verb: 'create', userAgent: 'me/1' },
        user: { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
        objectRef: { resource: 'secrets', namespace: 'default', apiVersion: 'v1' },
        responseStatus: { metadata: {}, code: 201 },
        requestReceivedTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
        stageTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
        annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
      },
    ]);
    expect(text()).not.toContain('planted-secret');
    expect(text()).not.toContain(Buffer.from('planted-secret').toString('base64'));
  });

  it('holds what was refused, and why', async () => {
    const { ask, lines } = await audited();
    await ask('DELETE', '/apis/batch/v1/namespaces/n/jobs/j', undefined, 'ann');
    await ask('GET', '/api', undefined, 'nobody-knows');
    expect(lines()).toMatchObject([
      {
        ...{ verb: 'delete', user: { username: 'ann' } },
        objectRef: { resource: 'jobs', namespace: 'n', name: 'j', apiGroup: 'batch', apiVersion: 'v1' },
        responseStatus: { status: 'Failure', reason: 'Forbidden', code: 403 },
        annotations: { 'authorization.k8s.io/decision': 'forbid' },
      },
      { verb: 'get', requestURI: '/api', user: {}, responseStatus: { code: 401, reason: 'Unauthorized' } },
    ]);
  });

  it('tells who acted as whom', async () => {
    const { ask, lines } = await audited();
    await ask('GET', '/api/v1/nodes', undefined, undefined, { 'impersonate-user': 'ann' });
    expect(lines()).toMatchObject([
      { user: { username: 'admin' }, impersonatedUser: { username: 'ann' }, responseStatus: { code: 403 } },
    ]);
  });

  it('has nothing of probes, version and discovery', async () => {
    const { ask, lines } = await audited();
    for (const path of ['/version', '/readyz', '/livez/ping', '/api', '/apis/batch/v1', '/openapi/v3', '/metrics'])
      expect((await ask('GET', path)).code, path).toBe(200);
    expect(lines()).toEqual([]);
  });

  it('holds the beginning and the end of a watch', async () => {
    const { api, url, lines } = await audited();
    const listening = { url, port: Number(new URL(url).port) };
    const watch = await open(listening, 'GET', '/api/v1/pods?watch=1');
    expect(lines()).toMatchObject([{ stage: 'RequestReceived', verb: 'watch' }]);
    expect(lines()[0]).not.toHaveProperty('responseStatus');
    const ended = new Promise((resolve) => watch.once('end', resolve));
    watch.resume();
    await api.stop();
    await ended;
    expect(lines()).toMatchObject([
      { stage: 'RequestReceived' },
      { stage: 'ResponseComplete', responseStatus: { code: 200 } },
    ]);
  });
});
