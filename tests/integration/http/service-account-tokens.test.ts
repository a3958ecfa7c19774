import { describe, expect, it, onTestFinished } from 'vitest';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { resources } from '../../../src/api/index.ts';
import { createApiServer, noPods, type ApiServer } from '../../../src/apiserver/index.ts';
import { systemClock, systemRandom } from '../../../src/clock/index.ts';
import { silentLogger } from '../../../src/log/index.ts';
import { createMemoryStore } from '../../../src/store/index.ts';
import { master, masterToken, open, type Answer } from './test-server.ts';

interface Server {
  readonly api: ApiServer;
  readonly url: string;
  readonly ask: (method: string, path: string, token: string, body?: object) => Promise<Answer>;
}

const account = { namespace: 'default', name: 'builder' };
const tokenPath = '/api/v1/namespaces/default/serviceaccounts/builder/token';

async function start(): Promise<Server> {
  const store = createMemoryStore({ clock: systemClock });
  const common = { clock: systemClock, random: systemRandom, log: silentLogger };
  const api = createApiServer({ store, podStreams: noPods, ...common });
  await api.start();
  await api.clientFor(master).create(resources.serviceAccounts, { metadata: account });
  const listening = await api.listen({ host: '127.0.0.1', port: 0, tokens: new Map([[masterToken, master]]) });
  onTestFinished(() => api.stop());
  const ask: Server['ask'] = async (method, path, token, body) => {
    const headers = { authorization: `Bearer ${token}` };
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await open({ ...listening, close: () => api.stop() }, method, path, { headers, ...text });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const answered = Buffer.concat(chunks).toString();
    const isJson = response.headers['content-type']?.includes('json') === true;
    const json = isJson ? (JSON.parse(answered) as Record<string, unknown>) : {};
    return { code: response.statusCode ?? 0, headers: response.headers, body: answered, json };
  };
  return { api, url: listening.url, ask };
}

async function tokenOf({ ask }: Server, spec: object = {}): Promise<string> {
  const answer = await ask('POST', tokenPath, masterToken, { spec });
  expect(answer.code, answer.body).toBe(201);
  return (answer.json['status'] as { readonly token: string }).token;
}

describe('tokens of ServiceAccounts over HTTP', () => {
  it('are answered with everything that was asked for', async () => {
    const { ask } = await start();
    const spec = { audiences: ['vault'], expirationSeconds: 700 };
    const { code, json } = await ask('POST', tokenPath, masterToken, { spec });
    expect(code).toBe(201);
    expect(json).toMatchObject({
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name: 'builder', namespace: 'default' },
      spec,
    });
    const wrong = await ask('POST', tokenPath, masterToken, { metadata: { name: 'other' }, spec: {} });
    expect(wrong.json['message']).toBe(
      'TokenRequest.authentication.k8s.io "builder" is invalid: metadata.name: Invalid value: "other": must match the service account name if specified',
    );
  });

  it('let their ServiceAccount in while it exists', async () => {
    const server = await start();
    const token = await tokenOf(server);
    expect((await server.ask('GET', '/api/v1', token)).code).toBe(200);
    const pods = await server.ask('GET', '/api/v1/namespaces/default/pods', token);
    expect(pods.json['message']).toContain('User "system:serviceaccount:default:builder" cannot list resource "pods"');
    await server.api.clientFor(master).delete(resources.serviceAccounts, account);
    expect((await server.ask('GET', '/api/v1', token)).code).toBe(401);
  });

  it('are refused when they are meant for others, or were changed', async () => {
    const server = await start();
    const token = await tokenOf(server);
    for (const bad of [await tokenOf(server, { audiences: ['vault'] }), `${token.slice(0, -4)}AAAA`, `${token}.x`])
      expect((await server.ask('GET', '/api/v1', bad)).code).toBe(401);
  });

  it('can be checked by whoever reads the published keys', async () => {
    const server = await start();
    const config = await server.ask('GET', '/.well-known/openid-configuration', masterToken);
    expect(config.json).toEqual({
      issuer: 'https://kubernetes.default.svc.cluster.local',
      jwks_uri: `${server.url}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    });
    const keys = await server.ask('GET', '/openid/v1/jwks', masterToken);
    expect(keys.headers).toMatchObject({
      'content-type': 'application/jwk-set+json',
      'cache-control': 'public, max-age=3600',
    });
    const { payload } = await jwtVerify(
      await tokenOf(server),
      createLocalJWKSet(keys.json as unknown as JSONWebKeySet),
      { issuer: String(config.json['issuer']) },
    );
    expect(payload.sub).toBe('system:serviceaccount:default:builder');
  });
});
