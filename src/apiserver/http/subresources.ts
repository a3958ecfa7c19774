import { badRequest, fieldError, invalid, type Pod } from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { TokenQuestion } from '../operations.ts';
import { answerJson, answerStatus } from './answer.ts';
import type { Call, Services } from './call.ts';
import type { Expected } from './decode-body.ts';
import { serveEviction } from './eviction.ts';
import { serveLog } from './pod-log.ts';
import { serveAttach, serveExec } from './streams/pod-command.ts';
import { servePortForward } from './streams/port-forward.ts';
import { writeQueryOf } from './query.ts';
import { renderObject } from './render.ts';
import { renderingOf } from './rendering.ts';
import { refOfTarget, writeRequestOf, type NamedTarget } from './target.ts';
import { readNamedObject, readObject } from './write.ts';

/** A subresource with a law of its own; `/status` and the like are the generic verbs'. */
export interface Subresource {
  readonly group: string;
  readonly resource: string;
  readonly name: string;
  /** What discovery says of it. */
  readonly kind: string;
  /** Group and version of that kind, if they are not those of the resource. */
  readonly kindIn?: { readonly group: string; readonly version: string };
  /** The handler for each method that it has, and the verb which that stands for. */
  readonly methods: Readonly<Record<string, SubresourceMethod>>;
}

export interface SubresourceMethod {
  readonly verb: 'get' | 'create' | 'update';
  readonly serve: (call: Call, target: NamedTarget, services: Services) => Promise<void>;
}

export const subresources: readonly Subresource[] = [
  {
    group: '',
    resource: 'namespaces',
    name: 'finalize',
    kind: 'Namespace',
    methods: { PUT: { verb: 'update', serve: serveFinalize } },
  },
  streaming('attach', 'PodAttachOptions', serveAttach),
  {
    group: '',
    resource: 'pods',
    name: 'binding',
    kind: 'Binding',
    methods: { POST: { verb: 'create', serve: serveBinding } },
  },
  {
    group: '',
    resource: 'pods',
    name: 'eviction',
    kind: 'Eviction',
    kindIn: { group: 'policy', version: 'v1' },
    methods: { POST: { verb: 'create', serve: serveEviction } },
  },
  streaming('exec', 'PodExecOptions', serveExec),
  { group: '', resource: 'pods', name: 'log', kind: 'Pod', methods: { GET: { verb: 'get', serve: servePodLog } } },
  streaming('portforward', 'PodPortForwardOptions', servePortForward),
  {
    group: '',
    resource: 'serviceaccounts',
    name: 'token',
    kind: 'TokenRequest',
    kindIn: { group: 'authentication.k8s.io', version: 'v1' },
    methods: { POST: { verb: 'create', serve: serveToken } },
  },
];

/** WebSockets begin with a GET, SPDY with a POST; both start something, and ask for the right to create. */
function streaming(name: string, kind: string, serve: SubresourceMethod['serve']): Subresource {
  const method = { verb: 'create', serve } as const;
  return { group: '', resource: 'pods', name, kind, methods: { GET: method, POST: method } };
}

/** The subresource of a kind, if it is served. */
export function findSubresource(kind: KindDefinition, name: string): Subresource | undefined {
  const { group, resource } = kind.resource;
  return subresources.find((one) => one.name === name && one.resource === resource && one.group === group);
}

async function servePodLog(call: Call, target: NamedTarget, services: Services): Promise<void> {
  const request = { kind: target.kind, namespace: target.namespace, user: call.user };
  const stored = await services.operations.get(request, refOfTarget(target));
  await serveLog(call, stored.object as Pod, services);
}

const bindingExpected: Expected = { kind: 'Binding', apiVersions: ['v1'], message: 'Binding' };

interface BindingBody {
  readonly metadata?: { readonly name?: string };
  readonly target?: { readonly kind?: string; readonly name?: string };
}

async function serveBinding(call: Call, target: NamedTarget, services: Services): Promise<void> {
  const query = writeQueryOf(call.query, 'CreateOptions', call.exchange.header('user-agent'));
  const body: BindingBody = await readObject(call, bindingExpected, query);
  const name = body.metadata?.name;
  if (name !== undefined && name !== '' && name !== target.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${target.name})`);
  }
  const errors = [];
  const { kind = '', name: nodeName = '' } = body.target ?? {};
  if (kind !== '' && kind !== 'Node') errors.push(fieldError.notSupported('target.kind', kind, ['Node', '<empty>']));
  if (nodeName === '') errors.push(fieldError.required('target.name'));
  if (errors.length > 0) throw invalid({ group: '', kind: 'Binding' }, target.name, errors);
  await services.operations.bind(writeRequestOf(call, target, query), refOfTarget(target), nodeName);
  answerStatus(call, 201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

async function serveFinalize(call: Call, target: NamedTarget, services: Services): Promise<void> {
  const query = writeQueryOf(call.query, 'UpdateOptions', call.exchange.header('user-agent'));
  const rendering = renderingOf(target.kind, call.exchange, call.query, services.clock.now());
  const object = await readNamedObject(call, target, query);
  const written = await services.operations.finalizeNamespace(writeRequestOf(call, target, query), object);
  answerJson(call, 200, renderObject(written, rendering));
}

const tokenExpected: Expected = {
  kind: 'TokenRequest',
  apiVersions: ['authentication.k8s.io/v1'],
  message: 'TokenRequest',
};

async function serveToken(call: Call, target: NamedTarget, services: Services): Promise<void> {
  const query = writeQueryOf(call.query, 'CreateOptions', call.exchange.header('user-agent'));
  const question: TokenQuestion = await readObject(call, tokenExpected, query);
  const request = writeRequestOf(call, target, query);
  const answer = await services.operations.createToken(request, refOfTarget(target), question);
  answerJson(call, 201, JSON.stringify(answer));
}
