import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resources } from '../api/index.ts';
import { startTestEngine, type TestEngine } from '../testing/index.ts';

let engine: TestEngine;
beforeEach(async () => {
  engine = await startTestEngine({ nodeName: 'box' });
});
afterEach(() => engine.stop());

const ready = async (): Promise<string | undefined> => {
  const node = await engine.client.get(resources.nodes, { name: 'box' });
  return node.status.conditions?.find(({ type }) => type === 'Ready')?.status;
};

describe('the node', () => {
  it('is Ready with a lease from the start', async () => {
    expect(await ready()).toBe('True');
    const lease = await engine.client.get(resources.leases, { namespace: 'kube-node-lease', name: 'box' });
    expect(lease.spec?.holderIdentity).toBe('box');
  });

  it('registers itself anew, Ready at once, when it was deleted', async () => {
    await engine.clock.advance(60_000);
    await engine.client.delete(resources.nodes, { name: 'box' });
    await engine.clock.advance(10_000);
    expect(await ready()).toBe('True');
  });
});
