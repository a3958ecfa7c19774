import { describe, expect, it } from 'vitest';
import { failureOf } from '../../../tests/contract/client-kinds.ts';
import { resources, type Pod, type TokenRequestSpec } from '../../api/index.ts';
import type { Client } from '../../client/index.ts';
import { seededRandom } from '../../clock/index.ts';
import { silentLogger } from '../../log/index.ts';
import { createMemoryStore } from '../../store/index.ts';
import { FakeClock } from '../../testing/index.ts';
import { defaultAdmission } from '../admission/index.ts';
import { storedObjects } from '../admission/stored-reader.ts';
import { createInProcessClient } from '../in-process-client.ts';
import { noPods } from '../no-pods.ts';
import { createOperations } from '../registry/create-operations.ts';
import { allKinds } from '../resources/index.ts';
import { testIssuer, testKey } from './test-issuer.fixture.ts';
import { TokenVerifier } from './token-verifier.ts';

const namespace = 'n';
const account = { namespace, name: 'builder' };
const pod = { namespace, name: 'p' };
const issuer = 'https://kubernetes.default.svc.cluster.local';

interface World {
  readonly client: Client;
  readonly clock: FakeClock;
  readonly verifier: TokenVerifier;
}

/** A namespace with the ServiceAccounts `builder` and `default`, and the Pod `p` of the former. */
async function start(): Promise<World> {
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  const random = seededRandom(1);
  const common = { store, clock, random, log: silentLogger };
  const tokens = testIssuer(clock);
  const operations = createOperations({
    ...common,
    kinds: allKinds,
    admission: defaultAdmission(store, random),
    tokens,
  });
  const user = { name: 'tester', groups: ['system:masters'] };
  const client = createInProcessClient(operations, user, noPods);
  await client.create(resources.namespaces, { metadata: { name: namespace }, spec: {} });
  for (const name of ['builder', 'default'])
    await client.create(resources.serviceAccounts, { metadata: { name, namespace } });
  const spec = { serviceAccountName: 'builder', nodeName: 'node-1', containers: [{ name: 'c', image: 'i' }] };
  await client.create(resources.pods, { metadata: pod, spec: spec as Pod['spec'] });
  return { client, clock, verifier: new TokenVerifier({ key: testKey, clock, read: storedObjects(store).read }) };
}

function bound(kind: string, name: string, uid?: string): Partial<TokenRequestSpec> {
  return { boundObjectRef: { apiVersion: 'v1', kind, name, ...(uid !== undefined && { uid }) } };
}

async function tokenFor({ client }: World, spec: Partial<TokenRequestSpec> = {}): Promise<string> {
  return (await client.createToken(account, spec)).token;
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

describe('TokenRequest', () => {
  it('gives a token for an hour, for this server, unless it is asked for another', async () => {
    const world = await start();
    const now = world.clock.now() / 1000;
    const { token, expirationTimestamp } = await world.client.createToken(account, {});
    expect(expirationTimestamp).toBe('2026-01-01T01:00:00Z');
    expect(claimsOf(token)).toMatchObject({
      iss: issuer,
      sub: 'system:serviceaccount:n:builder',
      aud: [issuer],
      iat: now,
      nbf: now,
      exp: now + 3600,
      'kubernetes.io': { namespace, serviceaccount: { name: 'builder' } },
    });
    const other = claimsOf(await tokenFor(world, { audiences: ['vault'], expirationSeconds: 600 }));
    expect(other).toMatchObject({ aud: ['vault'], exp: now + 600 });
    expect(other['jti']).not.toBe(claimsOf(token)['jti']);
  });

  it('binds to a Pod and tells its node, though that is not there', async () => {
    const world = await start();
    const { metadata } = await world.client.get(resources.pods, pod);
    const claims = claimsOf(await tokenFor(world, bound('Pod', 'p', metadata.uid)));
    expect(claims['kubernetes.io']).toMatchObject({ pod: { name: 'p', uid: metadata.uid }, node: { name: 'node-1' } });
  });

  it('lets only the token of a Pod live on, with the lifetime that the admission asks for', async () => {
    const world = await start();
    const now = world.clock.now() / 1000;
    const inPod = { ...bound('Pod', 'p'), expirationSeconds: 3607 };
    const { token, expirationTimestamp } = await world.client.createToken(account, inPod);
    expect(expirationTimestamp).toBe('2026-01-01T01:00:07Z');
    expect(claimsOf(token)).toMatchObject({ exp: now + 31_536_000, 'kubernetes.io': { warnafter: now + 3607 } });
    for (const spec of [{ expirationSeconds: 3607 }, { ...inPod, audiences: ['vault'] }])
      expect(claimsOf(await tokenFor(world, spec))['exp']).toBe(now + 3607);
  });

  it.each<[string, Partial<TokenRequestSpec>, number, string]>([
    [
      'too short a time',
      { expirationSeconds: 599 },
      422,
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
    ],
    [
      'too long a time',
      { expirationSeconds: 2 ** 32 + 1 },
      422,
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
    ],
    ['a Pod that is not there', bound('Pod', 'x'), 404, 'pods "x" not found'],
    [
      'another Pod of that name',
      bound('Pod', 'p', 'u'),
      409,
      'Operation cannot be fulfilled on Pod "p": the UID in the bound object reference (u) does not match the UID in record. The object might have been deleted and then recreated',
    ],
    ['a Secret that is not there', bound('Secret', 'x'), 404, 'secrets "x" not found'],
    ['a Node that is not there', bound('Node', 'x'), 404, 'nodes "x" not found'],
    [
      'a thing of another kind',
      bound('ConfigMap', 'x'),
      400,
      'cannot bind token to object of type /v1, Kind=ConfigMap',
    ],
    [
      'a thing of another group',
      { boundObjectRef: { apiVersion: 'x.dev/v2', kind: 'Pod', name: 'p' } },
      400,
      'cannot bind token to object of type x.dev/v2, Kind=Pod',
    ],
  ])('refuses %s', async (_, spec, code, message) => {
    const { client } = await start();
    expect(await failureOf(client.createToken(account, spec))).toMatchObject({ code, message });
  });

  it('refuses to bind one ServiceAccount to a Pod of another', async () => {
    const { client } = await start();
    const error = await failureOf(client.createToken({ namespace, name: 'default' }, bound('Pod', 'p')));
    expect(error?.message).toBe(
      'cannot bind token for serviceaccount "default" to pod running with different serviceaccount name.',
    );
  });

  it('gives none in a namespace that is being terminated', async () => {
    const { client } = await start();
    await client.delete(resources.namespaces, { name: namespace });
    const error = await failureOf(client.createToken(account, {}));
    expect(error).toMatchObject({ code: 403, message: expect.stringContaining('it is being terminated') as string });
  });
});

describe('a token', () => {
  it('stands for its ServiceAccount, and tells its Pod', async () => {
    const world = await start();
    const { metadata } = await world.client.get(resources.pods, pod);
    const { metadata: own } = await world.client.get(resources.serviceAccounts, account);
    const token = await tokenFor(world, bound('Pod', 'p'));
    expect(world.verifier.verify(token)).toEqual({
      user: {
        name: 'system:serviceaccount:n:builder',
        uid: own.uid,
        groups: ['system:serviceaccounts', 'system:serviceaccounts:n'],
        extra: {
          'authentication.kubernetes.io/credential-id': [`JTI=${String(claimsOf(token)['jti'])}`],
          'authentication.kubernetes.io/node-name': ['node-1'],
          'authentication.kubernetes.io/pod-name': ['p'],
          'authentication.kubernetes.io/pod-uid': [metadata.uid],
        },
      },
      audiences: [issuer],
    });
  });

  it('ends with its time, give or take a minute of another clock', async () => {
    const world = await start();
    const token = await tokenFor(world);
    await world.clock.advance(3_660_000);
    expect(world.verifier.verify(token)).toHaveProperty('user');
    await world.clock.advance(1_000);
    expect(world.verifier.verify(token)).toEqual({ error: 'service account token has expired' });
  });

  it('is good for its audiences only', async () => {
    const world = await start();
    const token = await tokenFor(world, { audiences: ['vault', 'x'] });
    expect(world.verifier.verify(token)).toEqual({
      error: `token audiences ["vault" "x"] is invalid for the target audiences ["${issuer}"]`,
    });
    expect(world.verifier.verify(token, ['x', 'y'])).toMatchObject({ audiences: ['x'] });
  });

  it('ends with its ServiceAccount, also when another one has its name', async () => {
    const world = await start();
    const token = await tokenFor(world);
    const { metadata: old } = await world.client.get(resources.serviceAccounts, account);
    await world.client.delete(resources.serviceAccounts, account);
    expect(world.verifier.verify(token)).toEqual({ error: 'serviceaccounts "builder" not found' });
    const { metadata } = await world.client.create(resources.serviceAccounts, { metadata: account });
    expect(world.verifier.verify(token)).toEqual({
      error: `service account UID (${metadata.uid}) does not match claim (${old.uid})`,
    });
  });

  it('ends with the Pod that it is bound to', async () => {
    const world = await start();
    const token = await tokenFor(world, bound('Pod', 'p'));
    await world.client.delete(resources.pods, pod, { gracePeriodSeconds: 120 });
    await world.clock.advance(60_000);
    expect(world.verifier.verify(token)).toHaveProperty('user');
    await world.client.delete(resources.pods, pod, { gracePeriodSeconds: 0 });
    expect(world.verifier.verify(token)).toEqual({ error: 'service account token has been invalidated' });
  });

  it('ends with the Secret that it is bound to, also when another one has its name', async () => {
    const world = await start();
    const secret = { namespace, name: 's' };
    const { metadata: old } = await world.client.create(resources.secrets, { metadata: secret });
    const token = await tokenFor(world, bound('Secret', 's'));
    expect(world.verifier.verify(token)).toHaveProperty('user');
    await world.client.delete(resources.secrets, secret);
    const { metadata } = await world.client.create(resources.secrets, { metadata: secret });
    expect(world.verifier.verify(token)).toEqual({
      error: `secret UID (${metadata.uid}) does not match service account secret ref claim (${old.uid})`,
    });
  });

  it('is none of ours if another key signed it, or it says that another issued it', async () => {
    const { verifier } = await start();
    expect(verifier.verify(testKey.sign({ iss: 'https://elsewhere', sub: 'x' }))).toBeUndefined();
    expect(verifier.verify('something')).toBeUndefined();
  });
});
