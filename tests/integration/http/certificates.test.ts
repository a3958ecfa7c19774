import { expect, it } from 'vitest';
import { resources, type PolicyRule } from '../../../src/api/index.ts';
import type { UserInfo } from '../../../src/apiserver/index.ts';
import { makeClientRequest } from '../../../src/engine/client-request.ts';
import { master, startRealApi } from './test-server.ts';

const group = 'certificates.k8s.io';
const signerName = 'kubernetes.io/kube-apiserver-client';
const ann: UserInfo = { name: 'ann', groups: ['devs'] };
const merge = { 'content-type': 'application/merge-patch+json' };

it.each([
  ['approval', 'approve', { conditions: [{ type: 'Approved', status: 'True' }] }],
  ['status', 'sign', { certificate: Buffer.from('-----BEGIN CERTIFICATE-----').toString('base64') }],
])(
  'writing /%s of a request for a certificate needs the right to %s for its signer, too',
  async (part, verb, status) => {
    const { api, ask } = await startRealApi([ann]);
    const client = api.clientFor(master);
    const allow = async (name: string, rule: PolicyRule): Promise<void> => {
      await client.create(resources.clusterRoles, { metadata: { name }, rules: [rule] });
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name };
      const subjects = [{ kind: 'User', apiGroup: roleRef.apiGroup, name: 'ann' }];
      await client.create(resources.clusterRoleBindings, { metadata: { name }, roleRef, subjects });
    };
    const { request } = await makeClientRequest('bob', []);
    const spec = { request: Buffer.from(request).toString('base64'), signerName, usages: ['client auth'] };
    const path = `/apis/${group}/v1/certificatesigningrequests`;
    expect((await ask('POST', path, { metadata: { name: 'r' }, spec })).code).toBe(201);
    await allow('write', { verbs: ['patch'], apiGroups: [group], resources: [`certificatesigningrequests/${part}`] });
    const decide = () => ask('PATCH', `${path}/r/${part}`, { status }, 'ann', merge);
    expect((await decide()).json).toMatchObject({
      code: 403,
      message: expect.stringContaining(`user not permitted to ${verb} requests with signerName "${signerName}"`),
    });
    await allow('signer', {
      verbs: [verb],
      apiGroups: [group],
      resources: ['signers'],
      resourceNames: ['kubernetes.io/*'],
    });
    expect((await decide()).json).toMatchObject({ status });
  },
);
