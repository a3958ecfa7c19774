import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { describe, expect, it } from 'vitest';
import { resources } from '../../../src/api/index.ts';
import { master, startRealApi, type RealApi } from './test-server.ts';

const account = { namespace: 'default', name: 'builder' };
const tokenPath = '/api/v1/namespaces/default/serviceaccounts/builder/token';

async function start(): Promise<RealApi> {
  const server = await startRealApi();
  await server.api.clientFor(master).create(resources.serviceAccounts, { metadata: account });
  return server;
}

async function tokenOf({ ask }: RealApi, spec: object = {}): Promise<string> {
  const answer = await ask('POST', tokenPath, { spec });
  expect(answer.code, answer.body).toBe(201);
  return (answer.json['status'] as { readonly token: string }).token;
}

describe('tokens of ServiceAccounts over HTTP', () => {
  it('are answered with everything that was asked for', async () => {
    const { ask } = await start();
    const spec = { audiences: ['vault'], expirationSeconds: 700 };
    const { code, json } = await ask('POST', tokenPath, { spec });
    expect(code).toBe(201);
    expect(json).toMatchObject({
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name: 'builder', namespace: 'default' },
      spec,
    });
    const wrong = await ask('POST', tokenPath, { metadata: { name: 'other' }, spec: {} });
    expect(wrong.json['message']).toBe(
      'TokenRequest.authentication.k8s.io "builder" is invalid: metadata.name: Invalid value: "other": must match the service account name if specified',
    );
  });

  it('let their ServiceAccount in while it exists', async () => {
    const server = await start();
    const token = await tokenOf(server);
    expect((await server.ask('GET', '/api/v1', undefined, token)).code).toBe(200);
    const pods = await server.ask('GET', '/api/v1/namespaces/default/pods', undefined, token);
    expect(pods.json['message']).toContain('User "system:serviceaccount:default:builder" cannot list resource "pods"');
    await server.api.clientFor(master).delete(resources.serviceAccounts, account);
    expect((await server.ask('GET', '/api/v1', undefined, token)).code).toBe(401);
  });

  it('are refused when they are meant for others, or were changed', async () => {
    const server = await start();
    const token = await tokenOf(server);
    for (const bad of [await tokenOf(server, { audiences: ['vault'] }), `${token.slice(0, -4)}AAAA`, `${token}.x`])
      expect((await server.ask('GET', '/api/v1', undefined, bad)).code).toBe(401);
  });

  it('are judged by TokenReview', async () => {
    const server = await start();
    const path = '/apis/authentication.k8s.io/v1/tokenreviews';
    const review = async (spec: object): Promise<unknown> => {
      const answer = await server.ask('POST', path, { spec });
      expect(answer.code, answer.body).toBe(201);
      return answer.json['status'];
    };
    const token = await tokenOf(server, { audiences: ['vault'] });
    const { metadata } = await server.api.clientFor(master).get(resources.serviceAccounts, account);
    expect(await review({ token, audiences: ['vault', 'x'] })).toEqual({
      authenticated: true,
      user: {
        username: 'system:serviceaccount:default:builder',
        uid: metadata.uid,
        groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
        extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^JTI=/)] },
      },
      audiences: ['vault'],
    });
    expect(await review({ token: 'x' })).toEqual({ user: {}, error: 'invalid bearer token' });
    expect(await review({ token })).toMatchObject({
      error: expect.stringMatching(/^\[invalid bearer token, token audiences \["vault"\] is invalid for/) as string,
    });
    const nothing = await server.ask('POST', path, { spec: {} });
    expect(nothing.json).toMatchObject({ code: 400, message: 'token is required for TokenReview in authentication' });
  });

  it('can be checked by whoever reads the published keys', async () => {
    const server = await start();
    const config = await server.ask('GET', '/.well-known/openid-configuration');
    expect(config.json).toEqual({
      issuer: 'https://kubernetes.default.svc.cluster.local',
      jwks_uri: `${server.url}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    });
    const keys = await server.ask('GET', '/openid/v1/jwks');
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
