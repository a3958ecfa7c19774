import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rawRequest, type RawAnswer, type RawRequest } from './api.ts';
import { kubectlVersions, removeDirectory, startRondo, type KubectlResult, type Rondo } from './rondo.ts';

let rondo: Rondo;
beforeAll(async () => {
  rondo = await startRondo();
  for (const [path, body] of [
    [jobs, job({ metadata: { name: 'kept' }, spec: { suspend: true, template } })],
    [maps, { metadata: { name: 'kept', labels: { a: 'b' } }, data: { key: 'value' } }],
  ] as const) {
    expect((await send({ method: 'POST', path, body: JSON.stringify(body) })).code).toBe(201);
  }
});
afterAll(async () => {
  expect(await rondo.stop()).toBe(0);
  removeDirectory(rondo.dataDir);
});

const jobs = '/apis/batch/v1/namespaces/default/jobs';
const maps = '/api/v1/namespaces/default/configmaps';
const template = {
  spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'rondo.dev/host', command: ['true'] }] },
};
const job = (rest: object): object => ({ apiVersion: 'batch/v1', kind: 'Job', ...rest });

const send = (request: RawRequest): Promise<RawAnswer> => rawRequest(rondo, request);

/** Everything that a bad request could have changed, with versions. */
async function state(): Promise<unknown> {
  const paths = ['/api/v1/configmaps', '/api/v1/secrets', '/api/v1/pods', '/apis/batch/v1/jobs', '/api/v1/namespaces'];
  return Promise.all(paths.map(async (path) => (await send({ path })).body['items']));
}

let before: unknown;
beforeEach(async () => {
  before = await state();
});
afterEach(async () => {
  expect(await state()).toEqual(before);
});

interface Case {
  readonly request: RawRequest;
  readonly code: number;
  readonly reason: string;
  readonly message: RegExp;
}

const create = (path: string, body: string | Uint8Array | object, type = 'application/json'): RawRequest => ({
  method: 'POST',
  path,
  body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  headers: { 'content-type': type },
});
const patch = (path: string, body: object, type: string): RawRequest => ({
  method: 'PATCH',
  path,
  body: JSON.stringify(body),
  headers: { 'content-type': `application/${type}+json` },
});
const withSpec = (spec: object): object => job({ metadata: { name: 'bad' }, spec: { template, ...spec } });
const withContainer = (fields: object): object => {
  const container = { ...template.spec.containers[0], ...fields };
  return withSpec({ template: { spec: { ...template.spec, containers: [container] } } });
};
const protobuf = 'application/vnd.kubernetes.protobuf';
const yaml = 'application/yaml';

describe('a request that cannot be read', () => {
  it.each<[string, RawRequest, number, string, RegExp]>([
    ['cut off JSON', create(maps, '{"metadata":{"name":"bad"'), 400, 'BadRequest', /json/i],
    ['JSON with something behind it', create(maps, '{"metadata":{"name":"bad"}} more'), 400, 'BadRequest', /json/i],
    ['an empty body', create(maps, ''), 400, 'BadRequest', /./],
    ['a JSON list', create(maps, '[]'), 400, 'BadRequest', /cannot unmarshal array/],
    ['a JSON null', create(maps, 'null'), 400, 'BadRequest', /cannot unmarshal null/],
    ['broken YAML', create(maps, 'a: [b\nc: d', yaml), 400, 'BadRequest', /yaml/i],
    ['two YAML documents', create(maps, 'a: b\n---\nc: d', yaml), 400, 'BadRequest', /one document/],
    ['YAML that grows without end', create(maps, billionLaughs(), yaml), 400, 'BadRequest', /alias/i],
    ['cut off protobuf', create(jobs, Buffer.from('k8s\0\x0a\xff', 'latin1'), protobuf), 400, 'BadRequest', /./],
    ['protobuf without its magic', create(jobs, 'hello', protobuf), 400, 'BadRequest', /expected prefix/],
    ['JSON named protobuf', create(maps, '{}', protobuf), 400, 'BadRequest', /expected prefix/],
    ['another content type', create(maps, '{}', 'text/plain'), 415, 'UnsupportedMediaType', /accepted media types include: application\/json/],
    ['an unknown type of patch', patch(`${maps}/kept`, {}, 'merge-me'), 415, 'UnsupportedMediaType', /accepted media types include/],
    ['another kind', create(maps, job({ metadata: { name: 'bad' } })), 400, 'BadRequest', /Job.*ConfigMap/],
    ['another version', create(jobs, { apiVersion: 'batch/v9', kind: 'Job' }), 400, 'BadRequest', /batch\/v9.*batch\/v1/],
    ['another namespace', create(maps, { metadata: { name: 'bad', namespace: 'other' } }), 400, 'BadRequest', /namespace/],
    ['a merge patch that is a list', patch(`${maps}/kept`, [], 'merge-patch'), 400, 'BadRequest', /must be an object/],
    ['a JSON patch that is an object', patch(`${maps}/kept`, {}, 'json-patch'), 400, 'BadRequest', /must be a list/],
    ['a body above 3 MiB', create(maps, { metadata: { name: 'bad' }, data: { a: 'x'.repeat(3 << 20) } }), 413, 'RequestEntityTooLarge', /limit is 3145728/],
    ['a patch above 3 MiB', patch(`${maps}/kept`, { data: { a: 'x'.repeat(3 << 20) } }, 'merge-patch'), 413, 'RequestEntityTooLarge', /limit is 3145728/],
  ])('is refused: %s', async (_name, request, code, reason, message) => {
    await expectStatus({ request, code, reason, message });
  }); // prettier-ignore
});

describe('an object with fields of a wrong type', () => {
  it.each<[string, object, RegExp]>([
    ['a text for a number', withSpec({ parallelism: 'many' }), /spec\.parallelism/],
    ['a number for a text', withContainer({ image: 7 }), /containers.*image/],
    ['a fraction for a whole number', withSpec({ completions: 1.5 }), /spec\.completions/],
    ['a list for an object', withSpec({ template: [] }), /spec\.template/],
    ['an object for a list', withContainer({ command: {} }), /command/],
    ['a number too large for its type', withSpec({ parallelism: 2 ** 40 }), /spec\.parallelism/],
    ['a label that is a number', job({ metadata: { name: 'bad', labels: { a: 1 } }, spec: { template } }), /metadata\.labels/],
    ['a time that is none', job({ metadata: { name: 'bad', creationTimestamp: 'soon' }, spec: { template } }), /creationTimestamp|time/],
    ['a quantity that is none', withContainer({ resources: { requests: { cpu: 'lots' } } }), /quantit|cpu/],
  ])('is refused: %s', async (_name, body, message) => {
    await expectStatus({ request: create(jobs, body), code: 400, reason: 'BadRequest', message });
  }); // prettier-ignore
});

describe('an invalid object', () => {
  it.each<[string, RawRequest, string, RegExp]>([
    ['a negative number', create(jobs, withSpec({ parallelism: -1 })), 'spec.parallelism', /Invalid value: -1: must be greater than or equal to 0/],
    ['no template', create(jobs, job({ metadata: { name: 'bad' }, spec: {} })), 'spec.template.spec.containers', /Required value/],
    ['no name', create(jobs, job({ metadata: {}, spec: { template } })), 'metadata.name', /Required value: name or generateName is required/],
    ['a name with strange letters', create(maps, { metadata: { name: 'Bad_Name' } }), 'metadata.name', /Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain/],
    ['a name of 254 letters', create(maps, { metadata: { name: 'x'.repeat(254) } }), 'metadata.name', /must be no more than 253 (characters|bytes)/],
    ['a Job name of 64 letters', create(jobs, job({ metadata: { name: 'x'.repeat(64) }, spec: { template } })), 'spec.template.labels', /must be no more than 63 (characters|bytes)/],
    ['a label value of 64 letters', create(maps, { metadata: { name: 'bad', labels: { a: 'x'.repeat(64) } } }), 'metadata.labels', /must be no more than 63 (characters|bytes)/],
    ['annotations above 256 KiB', create(maps, { metadata: { name: 'bad', annotations: { a: 'x'.repeat(300_000) } } }), 'metadata.annotations', /Too long: may not be more than 262144 bytes/],
    ['a ConfigMap above 1 MiB', create(maps, { metadata: { name: 'bad' }, data: { a: 'x'.repeat(1_100_000) } }), '[]', /Too long: may not be more than 1048576 bytes/],
    ['a restart policy that Jobs cannot have', create(jobs, withSpec({ template: { spec: { ...template.spec, restartPolicy: 'Always' } } })), 'spec.template.spec.restartPolicy', /Unsupported value: "Always"|Required value/],
    ['a container without a name', create(jobs, withContainer({ name: '' })), 'spec.template.spec.containers[0].name', /Required value/],
    ['a patch that makes it invalid', patch(`${jobs}/kept`, { spec: { parallelism: -1 } }, 'merge-patch'), 'spec.parallelism', /Invalid value: -1/],
    ['a patch of an immutable field', patch(`${jobs}/kept`, { spec: { completions: 7 } }, 'merge-patch'), 'spec.completions', /field is immutable/],
  ])('is refused: %s', async (_name, request, field, message) => {
    const answer = await expectStatus({ request, code: 422, reason: 'Invalid', message });
    const details = answer.body['details'] as { causes: { field: string; reason: string; message: string }[] };
    expect(details.causes.map((cause) => cause.field)).toContain(field);
    expect(answer.body['message']).toContain(`${field}: `);
  }); // prettier-ignore
});

describe('a request for what does not exist', () => {
  const get = (path: string): RawRequest => ({ path });
  it.each<[string, RawRequest, number, string, RegExp]>([
    ['an unknown resource', get('/api/v1/namespaces/default/gadgets'), 404, 'NotFound', /the server could not find the requested resource/],
    ['an unknown object', get(`${maps}/none`), 404, 'NotFound', /^configmaps "none" not found$/],
    ['an unknown subresource', get(`${jobs}/kept/scale`), 404, 'NotFound', /could not find the requested resource/],
    ['a new object in an unknown namespace', create(maps.replace('default', 'nowhere'), { metadata: { name: 'bad' } }), 404, 'NotFound', /^namespaces "nowhere" not found$/],
    ['a patch of an unknown object', patch(`${maps}/none`, { data: {} }, 'merge-patch'), 404, 'NotFound', /^configmaps "none" not found$/],
    ['deleting an unknown object', { method: 'DELETE', path: `${maps}/none` }, 404, 'NotFound', /^configmaps "none" not found$/],
    ['a verb that is not served', { method: 'PUT', path: maps, body: '{}' }, 405, 'MethodNotAllowed', /^the server does not allow this method on the requested resource$/],
    ['all namespaces at once', { method: 'DELETE', path: '/api/v1/namespaces' }, 405, 'MethodNotAllowed', /^the server does not allow this method on the requested resource$/],
    ['a label selector that is none', get(`${maps}?labelSelector=a%20in%20(`), 400, 'BadRequest', /./],
    ['a field selector that is not served', get(`${maps}?fieldSelector=data.key=x`), 400, 'BadRequest', /field label not supported/],
    ['a limit that is no number', get(`${maps}?limit=many`), 400, 'BadRequest', /limit|many/],
    ['a continue token that is none', get(`${maps}?limit=1&continue=nonsense`), 400, 'BadRequest', /continue/],
    ['a revision that is none', get(`${maps}?watch=true&resourceVersion=nonsense`), 400, 'BadRequest', /resource ?version|nonsense/i],
  ])('gets a Status: %s', async (_name, request, code, reason, message) => {
    await expectStatus({ request, code, reason, message });
  }); // prettier-ignore
});

it.each(['/apis/batch/v9/namespaces/default/jobs', '/apis/none/v1', '/nothing'])('answers 404 to %s', async (path) => {
  expect(await send({ path })).toMatchObject({ code: 404, text: '404 page not found\n' });
});

describe('a write that comes too late', () => {
  const read = async (path: string) => (await send({ path })).body as { metadata: { resourceVersion: string } };

  it('is refused when the object has changed since', async () => {
    const old = await read(`${maps}/kept`);
    const stale = { ...old, metadata: { ...old.metadata, resourceVersion: '1' }, data: { key: 'lost' } };
    const message = /^Operation cannot be fulfilled on configmaps "kept": the object has been modified; please apply/;
    const request = { ...create(`${maps}/kept`, stale), method: 'PUT' };
    await expectStatus({ request, code: 409, reason: 'Conflict', message });
    const metadata = { resourceVersion: '1' };
    const patched = patch(`${maps}/kept`, { metadata, data: { key: 'lost' } }, 'merge-patch');
    await expectStatus({ request: patched, code: 409, reason: 'Conflict', message });
  });

  it('is refused when the object is another one by now', async () => {
    const options = JSON.stringify({ preconditions: { uid: '00000000-0000-0000-0000-000000000000' } });
    const request = { ...create(`${maps}/kept`, options), method: 'DELETE' };
    await expectStatus({
      request,
      code: 409,
      reason: 'Conflict',
      message: /the UID in the precondition .* does not match the UID in record/,
    });
  });

  it('is refused when the name is taken', async () => {
    const request = create(maps, { metadata: { name: 'kept' } });
    await expectStatus({ request, code: 409, reason: 'AlreadyExists', message: /^configmaps "kept" already exists$/ });
  });
});

describe('unknown and duplicate fields', () => {
  const body = `{"metadata":{"name":"fields","lables":{}},"data":{"a":"1"},"dta":{},"immutable":false,"immutable":false}`;
  const path = (mode: string): string => `${maps}?dryRun=All${mode === '' ? '' : `&fieldValidation=${mode}`}`;
  const faults = ['unknown field "dta"', 'unknown field "metadata.lables"', 'duplicate field "immutable"'];

  it('are all named and refused with Strict', async () => {
    const answer = await expectStatus({
      request: create(path('Strict'), body),
      code: 400,
      reason: 'BadRequest',
      message: /strict decoding error: /,
    });
    for (const fault of faults) expect(answer.body['message']).toContain(fault);
  });

  it.each(['Warn', ''])('are warned of with "%s"', async (mode) => {
    const answer = await send(create(path(mode), body));
    expect(answer.code).toBe(201);
    for (const fault of faults) expect(String(answer.headers['warning']).replaceAll('\\"', '"')).toContain(fault);
    expect(answer.body).not.toHaveProperty('dta');
  });

  it('are ignored with Ignore', async () => {
    const answer = await send(create(path('Ignore'), body));
    expect(answer.code).toBe(201);
    expect(answer.headers['warning']).toBeUndefined();
    expect(answer.body).not.toHaveProperty('dta');
  });

  it('are refused in a mode that is none', async () => {
    const answer = await send(create(path('Sometimes'), body));
    expect(answer.body).toMatchObject({ kind: 'Status', status: 'Failure' });
    expect(answer.body['message']).toMatch(/fieldValidation: Unsupported value: "Sometimes"/);
  });
});

describe.each(kubectlVersions())('kubectl $version', ({ path }) => {
  const kubectl = (args: readonly string[], input: string): KubectlResult => rondo.kubectl(args, { path, input });
  const yamlJob = (name: string, extra: string): string => `
apiVersion: batch/v1
kind: Job
metadata: {name: ${name}}
spec: {${extra}, template: {spec: {restartPolicy: Never, containers: [{name: main, image: rondo.dev/host}]}}}
`;

  it.each<[string, readonly string[], string, RegExp]>([
    ['broken YAML', ['apply', '-f', '-'], 'a: [b\nc: d', /error (converting|parsing)/],
    ['an unknown field', ['apply', '-f', '-'], yamlJob('bad', 'complotions: 1'), /unknown field "spec\.complotions"/],
    ['an unknown field when creating', ['create', '-f', '-'], yamlJob('bad', 'complotions: 1'), /unknown field "spec\.complotions"/],
    ['a wrong type', ['apply', '--validate=false', '-f', '-'], yamlJob('bad', 'parallelism: many'), /parallelism/],
    ['an invalid value', ['create', '-f', '-'], yamlJob('bad', 'parallelism: -1'), /spec\.parallelism: Invalid value: -1/],
    ['an unknown kind', ['apply', '-f', '-'], 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}', /no matches for kind "Deployment" in version "apps\/v1"/],
    ['an unknown resource', ['get', 'gadgets'], '', /the server doesn't have a resource type "gadgets"/],
    ['a namespace that does not exist', ['create', 'configmap', 'bad', '-n', 'nowhere'], '', /namespaces "nowhere" not found/],
    ['a label that is none', ['label', 'configmap', 'kept', 'a=b c', '--overwrite'], '', /a valid label must be/],
    ['a stale version', ['replace', '-f', '-'], 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept, namespace: default, resourceVersion: "1"}', /the object has been modified/],
    ['a patch of an immutable field', ['patch', 'job', 'kept', '-p', '{"spec":{"completions":9}}'], '', /spec\.completions: Invalid value: .*field is immutable/],
    ['a name that is too long', ['create', 'configmap', 'x'.repeat(254)], '', /must be no more than 253/],
  ])('shows why it was refused: %s', (_name, args, input, message) => {
    const result = kubectl(args, input);
    expect(result.stderr).toMatch(message);
    expect(result).toMatchObject({ status: 1, stdout: '' });
  }); // prettier-ignore
});

async function expectStatus(wanted: Case): Promise<RawAnswer> {
  const answer = await send(wanted.request);
  const { code, reason, message } = wanted;
  expect(answer.body, answer.text.slice(0, 500)).toMatchObject({
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason,
    code,
  });
  expect(answer.code).toBe(code);
  expect(answer.body['message']).toMatch(message);
  return answer;
}

/** Nine levels of lists, each naming the one before it nine times. */
function billionLaughs(): string {
  const levels = Array.from({ length: 9 }, (_value, level) => {
    const items = level === 0 ? 'lol' : Array.from({ length: 9 }, () => `*l${level - 1}`).join(',');
    return `l${level}: &l${level} [${items}]`;
  });
  return levels.join('\n');
}
