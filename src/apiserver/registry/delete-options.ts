import { conflict, fieldError, invalid, type FieldError, type KubeObject } from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { DeleteCall } from '../operations.ts';
import { uidMismatch } from './merged-metadata.ts';

const policies: readonly string[] = ['Foreground', 'Background', 'Orphan'];

/** @throws ApiError 422 (apimachinery `ValidateDeleteOptions`) */
export function checkDeleteOptions({ orphanDependents, propagationPolicy }: DeleteCall): void {
  const errors: FieldError[] = [];
  const field = 'propagationPolicy';
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    const detail = 'orphanDependents and deletionPropagation cannot be both set';
    errors.push(fieldError.invalid(field, propagationPolicy, detail));
  }
  if (propagationPolicy !== undefined && !policies.includes(propagationPolicy)) {
    errors.push(fieldError.notSupported(field, propagationPolicy, [...policies, 'nil']));
  }
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
}

/** @throws ApiError 409 if the stored object is not the one that the client means */
export function checkPreconditions(kind: KindDefinition, options: DeleteCall, { metadata }: KubeObject): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  if (uid && uid !== metadata.uid) throw conflict(kind.resource, metadata.name, uidMismatch(uid, metadata.uid));
  if (resourceVersion && resourceVersion !== metadata.resourceVersion) {
    const detail = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`;
    throw conflict(kind.resource, metadata.name, detail);
  }
}

const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';

/**
 * The finalizers with which a deletion begins: the policy's own is added, the other policies' are dropped. Without a
 * policy in the request, a policy finalizer that is there already decides, then the kind's default
 * (apiserver `deletionFinalizersForGarbageCollection`). The same list if nothing changes.
 */
export function deletionFinalizers(
  kind: KindDefinition,
  options: DeleteCall,
  { metadata }: KubeObject,
): readonly string[] {
  const finalizers = metadata.finalizers ?? [];
  const wanted = policyFinalizer(kind, options, finalizers);
  const others = finalizers.filter((name) => name !== orphanFinalizer && name !== foregroundFinalizer);
  const next = wanted === undefined ? others : [...others, wanted];
  const same = next.length === finalizers.length && next.every((name) => finalizers.includes(name));
  return same ? finalizers : next;
}

function policyFinalizer(kind: KindDefinition, options: DeleteCall, present: readonly string[]): string | undefined {
  if (options.orphanDependents !== undefined) return options.orphanDependents ? orphanFinalizer : undefined;
  if (options.propagationPolicy !== undefined) return finalizerOf(options.propagationPolicy);
  if (present.includes(orphanFinalizer)) return orphanFinalizer;
  if (present.includes(foregroundFinalizer)) return foregroundFinalizer;
  return finalizerOf(kind.deletion?.defaultPropagation ?? 'Background');
}

function finalizerOf(policy: string): string | undefined {
  if (policy === 'Orphan') return orphanFinalizer;
  return policy === 'Foreground' ? foregroundFinalizer : undefined;
}
