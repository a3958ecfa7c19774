import { describe, expect, it } from 'vitest';
import { subresourcesOf, verbsOf } from '../../../src/apiserver/http/discovery.ts';
import { openApiV2 } from '../../../src/apiserver/http/openapi-v2.ts';
import { openApiContents } from '../../../src/apiserver/http/openapi-v3.ts';
import { createCatalog } from '../../../src/apiserver/registry/catalog.ts';
import { allKinds } from '../../../src/apiserver/resources/index.ts';
import { allReviews } from '../../../src/apiserver/reviews/index.ts';
import { scriptedOperations } from './scripted-operations.ts';
import { startTestServer } from './test-server.ts';

const catalog = createCatalog(allKinds, allReviews);
const contents = openApiContents(catalog);

type Item = Record<string, Record<string, unknown> | undefined>;
const itemOf = (path: string): Item =>
  (contents.find((content) => path.startsWith(`/${content.path}/`))?.paths[path] ?? {}) as Item;

function referencesIn(value: unknown, prefix: string): string[] {
  const text = JSON.stringify(value);
  return [...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => {
    expect(match[1]).toContain(prefix);
    return (match[1] ?? '').slice(prefix.length);
  });
}

describe('OpenAPI documents of everything that is served', () => {
  it.each(contents.map((content) => [content.path, content] as const))(
    '%s refers only to what it has',
    (_, content) => {
      for (const name of referencesIn(content, '#/components/schemas/')) expect(content.schemas).toHaveProperty([name]);
    },
  );

  it('says of every field of Jobs and CronJobs what it means', () => {
    const { schemas } = contents.find(({ path }) => path === 'apis/batch/v1')!;
    const own = Object.entries(schemas).filter(([name]) => /\.batch\.v1\.(?!\w+List$)/.test(name));
    expect(own.length).toBeGreaterThan(15);
    const silent = own.flatMap(([name, schema]) =>
      Object.entries((schema as { properties?: Record<string, { description?: string }> }).properties ?? {})
        .filter(([, property]) => !property.description)
        .map(([property]) => `${name}.${property}`),
    );
    expect(silent).toEqual([]);
  });

  it('has one definition in version 2 for everything that it refers to', () => {
    const document = JSON.parse(openApiV2(catalog).toString()) as { definitions: object; paths: object };
    const references = referencesIn(document, '#/definitions/');
    expect(references.length).toBeGreaterThan(500);
    for (const name of references) expect(document.definitions).toHaveProperty([name]);
    expect(JSON.stringify(document)).not.toMatch(/"allOf"|"oneOf"|"requestBody"/);
  });

  it.each(allKinds.map((kind) => [kind.resource.resource, kind] as const))('has every verb of %s', (_, kind) => {
    const { group, version, resource, namespaced, kind: name } = kind.resource;
    const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    const collection = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${resource}`;
    const actions = [collection, `${collection}/{name}`].flatMap((path) =>
      Object.values(itemOf(path)).map((operation) => operation?.['x-kubernetes-action']),
    );
    const wanted = ['list', 'post', 'get', 'put', 'patch', 'delete'];
    expect(actions).toEqual(expect.arrayContaining(wanted));
    expect(actions.includes('deletecollection')).toBe(verbsOf(kind).includes('deletecollection'));
    if (namespaced) expect(itemOf(`${root}/${resource}`)).toHaveProperty('get');
    expect(itemOf(`${collection}/{name}`)['patch']).toMatchObject({
      'x-kubernetes-group-version-kind': { group, version, kind: name },
      parameters: expect.arrayContaining([expect.objectContaining({ name: 'fieldValidation' })]) as unknown,
    });
    for (const entry of subresourcesOf(kind)) {
      const methods = Object.keys(itemOf(`${collection}/{name}/${entry.name}`));
      expect(methods.filter((method) => method !== 'parameters')).toHaveLength(entry.verbs.length);
    }
  });

  it('names every operation differently', () => {
    const ids = contents.flatMap((content) =>
      [...JSON.stringify(content.paths).matchAll(/"operationId":"(\w+)"/g)].map((match) => match[1]),
    );
    expect(ids.length).toBeGreaterThan(200);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  it('tells how lists and maps are owned and merged', () => {
    const schemas = contents.find(({ path }) => path === 'api/v1')?.schemas;
    expect(schemas?.['io.k8s.api.core.v1.Container']).toMatchObject({
      properties: {
        ports: {
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
          'x-kubernetes-patch-strategy': 'merge',
          'x-kubernetes-patch-merge-key': 'containerPort',
        },
        command: { 'x-kubernetes-list-type': 'atomic' },
      },
    });
    expect(schemas?.['io.k8s.api.core.v1.PodSpec']).toMatchObject({
      properties: {
        volumes: { 'x-kubernetes-patch-strategy': 'merge,retainKeys' },
        nodeSelector: { 'x-kubernetes-map-type': 'atomic' },
      },
    });
    expect(schemas).toHaveProperty(['io.k8s.api.policy.v1.Eviction']);
  });
});

describe('OpenAPI over HTTP', () => {
  it('answers with an ETag, and compressed if that is offered', async () => {
    const server = await startTestServer({ operations: scriptedOperations({ kinds: catalog }) });
    const whole = await server.send('GET', '/openapi/v2');
    const small = await server.send('GET', '/openapi/v2', { headers: { 'accept-encoding': 'gzip' } });
    expect(small.headers['content-encoding']).toBe('gzip');
    expect(small.body).toBe(whole.body);
    expect(Number(small.headers['content-length'])).toBeLessThan(whole.body.length / 4);
    expect(small.headers['etag']).toBe(whole.headers['etag']);
    const headers = { 'if-none-match': String(whole.headers['etag']) };
    expect((await server.send('GET', '/openapi/v2', { headers })).code).toBe(304);
    const refused = await server.send('GET', '/openapi/v2', { headers: { accept: 'text/html' } });
    expect(refused.code).toBe(406);
  });
});
