import { describe, expect, it } from 'vitest';
import { startRealApi } from './test-server.ts';

const root = '/apis/authentication.k8s.io/v1';

describe('kinds that are asked and not kept', () => {
  it('tell who asks', async () => {
    const { ask } = await startRealApi();
    const answer = await ask('POST', `${root}/selfsubjectreviews`, {});
    expect(answer.code).toBe(201);
    expect(answer.json).toMatchObject({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'SelfSubjectReview',
      status: { userInfo: { username: 'admin', groups: ['system:masters', 'system:authenticated'] } },
    });
  });

  it('can only be posted, without a name, and in no namespace', async () => {
    const { ask } = await startRealApi();
    for (const [method, path, code] of [
      ['GET', `${root}/selfsubjectreviews`, 405],
      ['GET', `${root}/watch/selfsubjectreviews`, 404],
      ['GET', `${root}/selfsubjectreviews/x`, 404],
      ['DELETE', `${root}/tokenreviews`, 405],
      ['POST', `${root}/namespaces/default/selfsubjectreviews`, 404],
    ] as const)
      expect((await ask(method, path)).code, `${method} ${path}`).toBe(code);
  });

  it('refuse what is no question of theirs', async () => {
    const { ask } = await startRealApi();
    const wrong = await ask('POST', `${root}/tokenreviews?fieldValidation=Strict`, { spec: { tokens: 'x' } });
    expect(wrong.json).toMatchObject({
      code: 400,
      message:
        'TokenReview in version "v1" cannot be handled as a TokenReview: strict decoding error: unknown field "spec.tokens"',
    });
    expect((await ask('POST', `${root}/tokenreviews`, { kind: 'Pod', apiVersion: 'v1' })).code).toBe(400);
  });

  it('stand in discovery and OpenAPI', async () => {
    const { ask } = await startRealApi();
    const list = (await ask('GET', root)).json as { resources: readonly object[] };
    expect(list.resources).toEqual([
      { name: 'tokenreviews', singularName: 'tokenreview', namespaced: false, kind: 'TokenReview', verbs: ['create'] },
      {
        name: 'selfsubjectreviews',
        singularName: 'selfsubjectreview',
        namespaced: false,
        kind: 'SelfSubjectReview',
        verbs: ['create'],
      },
    ]);
    const document = await ask('GET', '/openapi/v3/apis/authentication.k8s.io/v1');
    expect(document.json).toMatchObject({
      paths: { [`${root}/tokenreviews`]: { post: { 'x-kubernetes-action': 'post' } } },
      components: { schemas: { 'io.k8s.api.authentication.v1.TokenReview': { type: 'object' } } },
    });
    expect(document.body).not.toContain('TokenReviewList');
  });
});
