import { apiVersionOf, type ObjectRef } from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { WriteRequest } from '../operations.ts';
import type { Call, Services } from './call.ts';
import type { Expected } from './decode-body.ts';
import { forbiddenError } from '../authorization/index.ts';
import type { WriteQuery } from './query.ts';

/** What the URL of a request names. */
export interface Target {
  readonly kind: KindDefinition;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  /** `status`, or a part that the kind has. */
  readonly subresource: string | undefined;
}

/** A target with a name. */
export interface NamedTarget extends Target {
  readonly name: string;
}

export function refOfTarget(target: NamedTarget): ObjectRef {
  return { namespace: target.namespace, name: target.name };
}

export function writeRequestOf(call: Call, target: Target, query: WriteQuery): WriteRequest {
  return {
    kind: target.kind,
    namespace: target.namespace,
    user: call.user,
    subresource: target.subresource,
    warn: (text) => call.warnings.push(text),
    ...query,
  };
}

/**
 * For writes of a named object that create it if it is missing: whoever may write what is there may not for that reason
 * create it (upstream: `withAuthorization` around the admission of the creation).
 */
export function mayCreate(
  call: Call,
  { kind, namespace, name, subresource }: NamedTarget,
  services: Services,
): () => void {
  const { group, resource } = kind.resource;
  const attributes = { verb: 'create', path: call.path, resource: { group, resource, subresource, namespace, name } };
  return () => {
    const { allowed, reason } = services.authorizer.decide(call.user, attributes);
    if (!allowed) throw forbiddenError(call.user, attributes, reason);
  };
}

/** What bodies sent to a kind must hold. */
export function expectedOf(kind: Pick<KindDefinition, 'message' | 'resource'>): Expected {
  return {
    kind: kind.resource.kind,
    apiVersions: [apiVersionOf(kind.resource)],
    message: kind.message ?? kind.resource.kind,
  };
}
