import { dns1123SubdomainErrors, pathSegmentErrors, type RoleRef, type Subject } from '../../../api/index.ts';
import { child, item, rootPath, type Path, type Problems } from '../field-path.ts';
import { isUnset, listOf, semanticallyEqual } from '../value-rules.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

interface Binding {
  roleRef: RoleRef;
  subjects?: readonly Subject[] | undefined;
}

/** Upstream: rbac/v1 `SetDefaults_RoleBinding`, `SetDefaults_Subject`. */
export function setBindingDefaults(draft: Binding): void {
  if (draft.roleRef !== undefined && isUnset(draft.roleRef.apiGroup))
    draft.roleRef = { ...draft.roleRef, apiGroup: rbacGroup };
  draft.subjects = draft.subjects?.map((subject) =>
    isUnset(subject.apiGroup) && (subject.kind === 'User' || subject.kind === 'Group')
      ? { ...subject, apiGroup: rbacGroup }
      : subject,
  );
  if (draft.subjects === undefined) delete draft.subjects;
}

interface BindingScope {
  readonly problems: Problems;
  /** What it may refer to. */
  readonly roleKinds: readonly string[];
  /** Whether its ServiceAccounts are of its own namespace unless they say otherwise. */
  readonly namespaced: boolean;
}

/** Upstream: rbac validation `ValidateRoleBinding`, `ValidateClusterRoleBinding`. */
export function checkBinding({ roleRef, subjects }: Binding, scope: BindingScope): void {
  const { problems, roleKinds } = scope;
  const path = rootPath('roleRef');
  const { apiGroup = '', kind = '', name = '' } = roleRef ?? {};
  if (apiGroup !== rbacGroup) problems.notSupported(child(path, 'apiGroup'), apiGroup, [rbacGroup]);
  if (!roleKinds.includes(kind)) problems.notSupported(child(path, 'kind'), kind, roleKinds);
  if (name === '') problems.required(child(path, 'name'));
  else problems.allInvalid(child(path, 'name'), name, pathSegmentErrors(name));
  listOf(subjects).forEach((subject, position) => checkSubject(subject, item(rootPath('subjects'), position), scope));
}

/** Upstream: `ValidateRoleBindingSubject`. */
function checkSubject(subject: Subject, path: Path, { problems, namespaced }: BindingScope): void {
  const { kind = '', name = '', apiGroup = '', namespace = '' } = subject;
  if (name === '') problems.required(child(path, 'name'));
  switch (kind) {
    case 'ServiceAccount':
      if (name !== '') problems.allInvalid(child(path, 'name'), name, dns1123SubdomainErrors(name));
      if (apiGroup !== '') problems.notSupported(child(path, 'apiGroup'), apiGroup, ['']);
      if (!namespaced && namespace === '') problems.required(child(path, 'namespace'));
      return;
    case 'User':
    case 'Group':
      if (apiGroup !== rbacGroup) problems.notSupported(child(path, 'apiGroup'), apiGroup, [rbacGroup]);
      return;
    default:
      problems.notSupported(child(path, 'kind'), kind, ['ServiceAccount', 'User', 'Group']);
  }
}

/** What a binding refers to never changes: whoever was trusted with one role is not trusted with another. */
export function checkSameRole(next: Binding, old: Binding, problems: Problems): void {
  if (!semanticallyEqual(next.roleRef, old.roleRef))
    problems.invalid(rootPath('roleRef'), next.roleRef, 'cannot change roleRef');
}
