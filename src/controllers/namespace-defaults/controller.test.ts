import { describe, expect, it } from 'vitest';
import { failure, resources } from '../../api/index.ts';
import { aNamespace, testContext } from '../../testing/index.ts';
import { createNamespaceDefaultsController } from './controller.ts';

function setUp() {
  const context = testContext();
  const { client } = context;
  const controller = createNamespaceDefaultsController(context, { rootCa: 'PEM' });
  const names = () => [
    ...client.all(resources.serviceAccounts).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
    ...client.all(resources.configMaps).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
  ];
  return { ...context, controller, names };
}

describe('namespace defaults', () => {
  it('gives every namespace its service account and its certificate authority', async () => {
    const { run, clock, client, controller, names } = setUp();
    await client.create(resources.namespaces, aNamespace('old'));
    await run(controller);
    await client.create(resources.namespaces, aNamespace('new'));
    await clock.settle();
    expect(names()).toEqual(['old/default', 'new/default', 'old/kube-root-ca.crt', 'new/kube-root-ca.crt']);
    expect(client.all(resources.configMaps)[0]?.data).toEqual({ 'ca.crt': 'PEM' });
  });

  it('makes them again when they are deleted, and repairs the content', async () => {
    const { run, clock, client, controller, names } = setUp();
    await client.create(resources.namespaces, aNamespace('a'));
    await run(controller);
    const ref = { namespace: 'a', name: 'kube-root-ca.crt' };
    await client.delete(resources.serviceAccounts, { namespace: 'a', name: 'default' });
    await client.delete(resources.configMaps, ref);
    await clock.settle();
    expect(names()).toEqual(['a/default', 'a/kube-root-ca.crt']);
    await client.patch(resources.configMaps, ref, { type: 'merge', body: { data: { 'ca.crt': 'other' } } });
    await clock.settle();
    expect(client.all(resources.configMaps)[0]?.data).toEqual({ 'ca.crt': 'PEM' });
  });

  it('writes nothing when all is well', async () => {
    const { run, clock, client, controller } = setUp();
    await client.create(resources.namespaces, aNamespace('a'));
    await client.create(resources.serviceAccounts, { metadata: { namespace: 'a', name: 'default' } });
    const rootCa = { metadata: { namespace: 'a', name: 'kube-root-ca.crt' }, data: { 'ca.crt': 'PEM' } };
    await client.create(resources.configMaps, rootCa);
    client.calls.length = 0;
    await run(controller);
    await clock.advance(600_000);
    expect(client.calls.filter((call) => !['list', 'watch'].includes(call.verb))).toEqual([]);
  });

  it('leaves namespaces alone that are being deleted, and those that go while it writes', async () => {
    const { run, clock, client, controller, names, lines } = setUp();
    await client.create(resources.namespaces, aNamespace('going'));
    await client.delete(resources.namespaces, { name: 'going' });
    await run(controller);
    expect(names()).toEqual([]);
    client.onCall = ({ verb, resource }) => {
      if (verb !== 'create' || resource === 'namespaces') return;
      const causes = [{ reason: 'NamespaceTerminating', message: 'going' }];
      throw failure({ code: 403, reason: 'Forbidden', message: 'terminating', details: { causes } });
    };
    await client.create(resources.namespaces, aNamespace('fast'));
    await clock.advance(10_000);
    expect([names(), lines]).toEqual([[], []]);
  });
});
