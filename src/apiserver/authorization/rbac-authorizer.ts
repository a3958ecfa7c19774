import type { PolicyRule, RoleRef, Subject } from '../../api/index.ts';
import type { UserInfo } from '../kind.ts';
import type { Attributes } from './attributes.ts';
import { isMaster, isOpenPath, type Authorizer, type Decision, type UserRules } from './authorizer.ts';
import type { Grant, RoleIndex } from './role-index.ts';
import { ruleAllows } from './rule-matching.ts';

type Roles = Pick<RoleIndex, 'grantsOf' | 'rulesOf'>;

/** Decides by Roles and their bindings (upstream: plugin/pkg/auth/authorizer/rbac). */
export class RbacAuthorizer implements Authorizer {
  readonly #index: Roles;

  constructor(index: Roles) {
    this.#index = index;
  }

  decide(user: UserInfo, attributes: Attributes): Decision {
    if (isMaster(user)) return { allowed: true };
    const { resource } = attributes;
    if (resource === undefined && attributes.verb === 'get' && isOpenPath(attributes.path)) return { allowed: true };
    const missing: string[] = [];
    for (const { grant, rules } of this.#granted(user, resource?.namespace, missing)) {
      if (rules.some((rule) => ruleAllows(rule, attributes)))
        return { allowed: true, reason: `RBAC: allowed by ${described(grant)}` };
    }
    return missing.length === 0 ? { allowed: false } : { allowed: false, reason: `RBAC: ${joined(missing)}` };
  }

  rulesFor(user: UserInfo, namespace: string | undefined): UserRules {
    const errors: string[] = [];
    const rules: PolicyRule[] = [];
    for (const granted of this.#granted(user, namespace, errors)) rules.push(...granted.rules);
    return { rules, errors };
  }

  /** What is bound cluster-wide, then in the namespace. Bindings to roles that are not there are told in `missing`. */
  *#granted(
    user: UserInfo,
    namespace: string | undefined,
    missing: string[],
  ): Generator<{ readonly grant: Grant; readonly rules: readonly PolicyRule[] }> {
    for (const place of namespace === undefined || namespace === '' ? [undefined] : [undefined, namespace]) {
      for (const grant of this.#index.grantsOf(user, place)) {
        const { roleRef } = grant.binding;
        const rules = this.#index.rulesOf(roleRef, place);
        if (rules === undefined) missing.push(roleNotFound(roleRef));
        else yield { grant, rules };
      }
    }
  }
}

/** As upstream's listers word it: the kind, not the resource. */
export function roleNotFound({ kind, name }: RoleRef): string {
  return `${kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(name)} not found`;
}

/** One text as it is, several in brackets, each once. */
export function joined(texts: readonly string[]): string {
  const distinct = [...new Set(texts)];
  return distinct.length === 1 ? (distinct[0] ?? '') : `[${distinct.join(', ')}]`;
}

function described({ binding, subject }: Grant): string {
  const { metadata, roleRef } = binding;
  const { name, namespace } = metadata;
  const what = namespace === undefined ? `ClusterRoleBinding "${name}"` : `RoleBinding "${name}/${namespace}"`;
  return `${what} of ${roleRef.kind} "${roleRef.name}" to ${describedSubject(subject, namespace)}`;
}

function describedSubject({ kind, name, namespace }: Subject, bindingNamespace: string | undefined): string {
  return kind === 'ServiceAccount' ? `${kind} "${name}/${namespace || (bindingNamespace ?? '')}"` : `${kind} "${name}"`;
}
