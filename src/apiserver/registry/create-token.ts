import {
  badRequest,
  conflict,
  fieldError,
  formatTime,
  invalid,
  notFound,
  resources,
  type BoundObjectReference,
  type KubeObject,
  type ObjectRef,
  type Pod,
  type Resource,
  type TokenRequest,
  type TokenRequestSpec,
} from '../../api/index.ts';
import type { TokenQuestion, WriteRequest } from '../operations.ts';
import { claimed, defaultAudiences, type WantedToken } from '../tokens/index.ts';
import { admit } from './admit.ts';
import type { Registry } from './registry.ts';
import { storeKey } from './store-keys.ts';

const tokenRequest = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
const defaultSeconds = 3600;
const minSeconds = 600;
const maxSeconds = 2 ** 32;

/**
 * `serviceaccounts/token`: a token of a ServiceAccount, bound to an object if that is wanted (upstream `TokenREST`).
 * Nothing is stored.
 * @throws ApiError 400, 403, 404, 409 (another object of that name), 422
 */
export async function createToken(
  registry: Registry,
  request: WriteRequest,
  ref: ObjectRef,
  question: TokenQuestion,
): Promise<TokenRequest> {
  checkNames(ref, question);
  const account = stored(registry, request.kind.resource, ref);
  const { boundObjectRef, audiences = [], expirationSeconds = defaultSeconds } = question.spec ?? {};
  checkSeconds(expirationSeconds);
  const spec: TokenRequestSpec = {
    audiences: audiences.length === 0 ? defaultAudiences : audiences,
    expirationSeconds,
    boundObjectRef,
  };
  const asked = questionOf(registry, ref, spec);
  const pending = admit(registry.admission.concerning(request.kind, 'create', 'token'), {
    ...{ operation: 'create', kind: request.kind, name: ref.name, namespace: ref.namespace, object: asked },
    ...{ old: undefined, subresource: 'token', user: request.user },
  });
  if (pending !== undefined) await pending;
  const bound = boundObjectRef === undefined ? {} : boundTo(registry, ref, boundObjectRef);
  const { audiences: agreed } = spec;
  const issued = registry.tokens.issue({ account, audiences: agreed, expirationSeconds, ...bound });
  return { ...asked, status: { token: issued.token, expirationTimestamp: formatTime(issued.expiresAtMs) } };
}

function questionOf(registry: Registry, { name, namespace = '' }: ObjectRef, spec: TokenRequestSpec): TokenRequest {
  const creationTimestamp = formatTime(registry.clock.now());
  return {
    kind: tokenRequest.kind,
    apiVersion: `${tokenRequest.group}/v1`,
    metadata: { name, namespace, creationTimestamp } as TokenRequest['metadata'],
    spec,
    status: { token: '', expirationTimestamp: '' },
  };
}

function checkNames({ name, namespace = '' }: ObjectRef, { metadata = {} }: TokenQuestion): void {
  const errors = [];
  if (metadata.name && metadata.name !== name) {
    const detail = 'must match the service account name if specified';
    errors.push(fieldError.invalid('metadata.name', metadata.name, detail));
  } else if (metadata.namespace && metadata.namespace !== namespace) {
    const detail = 'must match the service account namespace if specified';
    errors.push(fieldError.invalid('metadata.namespace', metadata.namespace, detail));
  }
  if (errors.length > 0) throw invalid(tokenRequest, name, errors);
}

/** Upstream: authentication validation `ValidateTokenRequest`. */
function checkSeconds(seconds: number): void {
  const path = 'spec.expirationSeconds';
  const detail =
    seconds < minSeconds
      ? 'may not specify a duration less than 10 minutes'
      : seconds > maxSeconds
        ? 'may not specify a duration larger than 2^32 seconds'
        : undefined;
  if (detail !== undefined) throw invalid(tokenRequest, '', [fieldError.invalid(path, seconds, detail)]);
}

type Bound = Pick<WantedToken, 'pod' | 'secret' | 'node'>;

function boundTo(registry: Registry, { name, namespace }: ObjectRef, wanted: BoundObjectReference): Bound {
  const found = boundObject(registry, namespace, wanted);
  if (wanted.uid && wanted.uid !== found.object.metadata.uid) {
    const detail = `the UID in the bound object reference (${wanted.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group: '', resource: wanted.kind ?? '' }, wanted.name ?? '', detail);
  }
  if (found.kind !== 'Pod') return found.kind === 'Secret' ? { secret: found.object } : { node: found.object };
  const pod = found.object as Pod;
  if (pod.spec.serviceAccountName !== name) {
    const text = `cannot bind token for serviceaccount "${name}" to pod running with different serviceaccount name.`;
    throw badRequest(text);
  }
  return { pod: { object: pod, node: nodeOf(registry, pod) } };
}

function boundObject(
  registry: Registry,
  namespace: string | undefined,
  { apiVersion = '', kind, name = '' }: BoundObjectReference,
): { readonly kind: 'Pod' | 'Secret' | 'Node'; readonly object: KubeObject } {
  if (!apiVersion.includes('/')) {
    switch (kind) {
      case 'Pod':
        return { kind, object: stored(registry, resources.pods, { namespace, name }) };
      case 'Secret':
        return { kind, object: stored(registry, resources.secrets, { namespace, name }) };
      case 'Node':
        return { kind, object: stored(registry, resources.nodes, { name }) };
      default:
    }
  }
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/', 2) : ['', apiVersion];
  throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind ?? ''}`);
}

/** A node that is not there is named all the same: it still tells where the Pod was sent. */
function nodeOf(registry: Registry, pod: Pod): ReturnType<typeof claimed> | undefined {
  const { nodeName } = pod.spec;
  if (!nodeName) return undefined;
  const entry = registry.store.get(storeKey(resources.nodes, { name: nodeName }));
  return entry === undefined ? { name: nodeName } : claimed(registry.versions.of(entry).object);
}

function stored(registry: Registry, resource: Resource, ref: ObjectRef): KubeObject {
  const entry = registry.store.get(storeKey(resource, ref));
  if (entry === undefined) throw notFound(resource, ref.name);
  return registry.versions.of(entry).object;
}
