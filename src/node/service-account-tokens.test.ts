import { beforeEach, describe, expect, it } from 'vitest';
import { badRequest, notFound, resources, type Pod } from '../api/index.ts';
import { createLogger } from '../log/index.ts';
import { aPod, FakeClient, FakeClock } from '../testing/index.ts';
import { ServiceAccountTokens } from './service-account-tokens.ts';

let clock: FakeClock;
let client: FakeClient;
let tokens: ServiceAccountTokens;
let lines: string[];
const pod = podNamed('p');

function podNamed(name: string): Pod {
  const { metadata, spec } = aPod(name);
  return { ...metadata, metadata: { ...metadata, uid: `uid-${name}` }, spec } as unknown as Pod;
}

beforeEach(async () => {
  clock = new FakeClock();
  client = new FakeClient(clock);
  lines = [];
  const log = createLogger({ clock, level: 'warn', write: (line) => lines.push(line) });
  // Without chance: nothing is fetched earlier than it must be.
  const random = { float: () => 0, uuid: () => '', bytes: () => new Uint8Array() };
  tokens = new ServiceAccountTokens({ client, clock, random, log });
  await client.create(resources.serviceAccounts, { metadata: { name: 'robot', namespace: 'default' } });
  pod.spec.serviceAccountName = 'robot';
});

const fetches = (): number => client.callsOf('createToken').length;
const fail = (error: Error): void => {
  client.onCall = ({ verb }) => {
    if (verb === 'createToken') throw error;
  };
};

describe('tokens for Pods', () => {
  it('are bound to their Pod, for the time and audience that the volume names', async () => {
    await tokens.tokenFor(pod, { path: 'token', audience: 'vault', expirationSeconds: 700 });
    expect(client.callsOf('createToken')[0]).toMatchObject({
      key: 'default/robot',
      detail: {
        audiences: ['vault'],
        expirationSeconds: 700,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'uid-p' },
      },
    });
  });

  it('are kept until four fifths of their life are over', async () => {
    const first = await tokens.tokenFor(pod, { path: 'token', expirationSeconds: 1000 });
    await clock.advance(799_000);
    expect(await tokens.tokenFor(pod, { path: 'token', expirationSeconds: 1000 })).toBe(first);
    await clock.advance(1000);
    expect(await tokens.tokenFor(pod, { path: 'token', expirationSeconds: 1000 })).not.toBe(first);
    expect(fetches()).toBe(2);
  });

  it('live for a day at most, whatever was asked for', async () => {
    const token = { path: 'token', expirationSeconds: 7 * 86_400 };
    await tokens.tokenFor(pod, token);
    await clock.advance(86_399_000);
    await tokens.tokenFor(pod, token);
    expect(fetches()).toBe(1);
    await clock.advance(1000);
    await tokens.tokenFor(pod, token);
    expect(fetches()).toBe(2);
  });

  it('are not shared: neither by Pods nor by audiences', async () => {
    await tokens.tokenFor(pod, { path: 'token' });
    await tokens.tokenFor(pod, { path: 'token', audience: 'vault' });
    await tokens.tokenFor({ ...podNamed('q'), spec: pod.spec }, { path: 'token' });
    tokens.forget('uid-p');
    await tokens.tokenFor(pod, { path: 'token' });
    expect(fetches()).toBe(4);
  });

  it('are used to their end when no new ones can be had, and that is said', async () => {
    const first = await tokens.tokenFor(pod, { path: 'token', expirationSeconds: 1000 });
    fail(badRequest('not now'));
    await clock.advance(999_000);
    expect(await tokens.tokenFor(pod, { path: 'token', expirationSeconds: 1000 })).toBe(first);
    expect(lines.join()).toContain('could not be renewed');
    expect(lines.join()).not.toContain(first);
    await clock.advance(1000);
    await expect(tokens.tokenFor(pod, { path: 'token', expirationSeconds: 1000 })).rejects.toMatchObject({
      message: 'failed to fetch token: not now',
    });
  });

  it('are refused when there is no such ServiceAccount', async () => {
    fail(notFound(resources.serviceAccounts, 'robot'));
    await expect(tokens.tokenFor(pod, { path: 'token' })).rejects.toMatchObject({
      reason: 'CreateContainerConfigError',
      message: 'failed to fetch token: serviceaccounts "robot" not found',
    });
  });
});
