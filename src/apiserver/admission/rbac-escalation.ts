import {
  failure,
  forbidden,
  type ClusterRole,
  type KubeObject,
  type PolicyRule,
  type RoleRef,
} from '../../api/index.ts';
import {
  describeRules,
  fullAuthority,
  goList,
  isMaster,
  roleNotFound,
  uncovered,
  type Authorizer,
  type RoleIndex,
} from '../authorization/index.ts';
import type { Admission, AdmissionRequest } from '../kind.ts';
import { semanticallyEqual } from '../registry/semantic-equality.ts';

const group = 'rbac.authorization.k8s.io';

/**
 * Nobody gives away more than they have: whoever writes a role must hold all of it themselves or may `escalate` it; whoever
 * binds one must hold what it says or may `bind` it (upstream: pkg/registry/rbac `policybased`).
 */
export function rbacEscalation(authorizer: Authorizer, index: Pick<RoleIndex, 'rulesOf'>): Admission {
  const check = new EscalationCheck(authorizer, index);
  return {
    name: 'RbacEscalation',
    concerns: ({ operation, resource }) => resource.group === group && operation !== 'delete',
    admit: (request) => {
      if (isMaster(request.user)) return;
      if (request.old !== undefined && changesOnlyCollection(request.object, request.old)) return;
      check.admit(request);
    },
  };
}

class EscalationCheck {
  readonly #authorizer: Authorizer;
  readonly #index: Pick<RoleIndex, 'rulesOf'>;

  constructor(authorizer: Authorizer, index: Pick<RoleIndex, 'rulesOf'>) {
    this.#authorizer = authorizer;
    this.#index = index;
  }

  admit(request: AdmissionRequest): void {
    const { resource } = request.kind.resource;
    if (resource === 'roles' || resource === 'clusterroles') this.#checkRole(request);
    else if (resource === 'rolebindings' || resource === 'clusterrolebindings') this.#checkBinding(request);
  }

  #checkRole(request: AdmissionRequest): void {
    const { kind, namespace, old } = request;
    // A new object has no name in its URL, so a permission for some names does not cover it.
    const name = old === undefined ? undefined : request.name;
    const { resource } = kind.resource;
    if (this.#may(request, 'escalate', { resource, namespace, name })) return;
    const role = request.object as ClusterRole;
    this.#checkHeld(request, role.rules ?? []);
    if (!hasAggregation(role) && !hasAggregation(old as ClusterRole | undefined)) return;
    // It gathers whatever others write into roles with the right label.
    const { rules } = this.#authorizer.rulesFor(request.user, undefined);
    if (uncovered(rules, fullAuthority).length > 0)
      throw forbidden(kind.resource, request.name, 'must have cluster-admin privileges to use an aggregationRule');
  }

  #checkBinding(request: AdmissionRequest): void {
    const { namespace } = request;
    const { roleRef } = request.object as unknown as { readonly roleRef?: RoleRef };
    // What is wrong with it is for the validation to say.
    if (roleRef === undefined || (roleRef.kind !== 'Role' && roleRef.kind !== 'ClusterRole')) return;
    const resource = roleRef.kind === 'Role' ? 'roles' : 'clusterroles';
    if (this.#may(request, 'bind', { resource, namespace, name: roleRef.name })) return;
    const rules = this.#index.rulesOf(roleRef, namespace);
    if (rules === undefined) {
      const details = { name: roleRef.name, group, kind: roleRef.kind.toLowerCase() };
      throw failure({ code: 404, reason: 'NotFound', message: roleNotFound(roleRef), details });
    }
    this.#checkHeld(request, rules);
  }

  #may(
    { user }: AdmissionRequest,
    verb: string,
    of: { readonly resource: string; readonly namespace: string | undefined; readonly name: string | undefined },
  ): boolean {
    return this.#authorizer.decide(user, { verb, path: '', resource: { group, subresource: undefined, ...of } })
      .allowed;
  }

  #checkHeld({ kind, name, namespace, user }: AdmissionRequest, wanted: readonly PolicyRule[]): void {
    const { rules, errors } = this.#authorizer.rulesFor(user, namespace);
    const missing = uncovered(rules, wanted);
    if (missing.length === 0) return;
    const who = `user ${JSON.stringify(user.name)} (groups=${goList(user.groups)})`;
    const also = errors.length === 0 ? '' : `; resolution errors: [${errors.join(' ')}]`;
    const detail = `${who} is attempting to grant RBAC permissions not currently held:\n${describeRules(missing)}${also}`;
    throw forbidden(kind.resource, name, detail);
  }
}

function hasAggregation(role: ClusterRole | undefined): boolean {
  return (role?.aggregationRule?.clusterRoleSelectors ?? []).length > 0;
}

/** Only what the garbage collector changes: owners and finalizers (upstream: `IsOnlyMutatingGCFields`). */
function changesOnlyCollection(next: KubeObject, old: KubeObject): boolean {
  const { ownerReferences, finalizers, managedFields } = old.metadata;
  const metadata = { ...next.metadata, ownerReferences, finalizers, managedFields };
  return semanticallyEqual({ ...next, metadata }, old);
}
