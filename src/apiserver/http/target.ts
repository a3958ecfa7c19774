import { apiVersionOf, type ObjectRef } from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { WriteRequest } from '../operations.ts';
import type { Call } from './call.ts';
import type { Expected } from './decode-body.ts';
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

/** What bodies sent to a kind must hold. */
export function expectedOf(kind: Pick<KindDefinition, 'message' | 'resource'>): Expected {
  return {
    kind: kind.resource.kind,
    apiVersions: [apiVersionOf(kind.resource)],
    message: kind.message ?? kind.resource.kind,
  };
}
