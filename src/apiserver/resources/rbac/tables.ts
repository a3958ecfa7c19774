import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding, Subject } from '../../../api/index.ts';
import type { KindTable } from '../../kind.ts';
import { age, ageColumn, column, nameColumn, wideColumn } from '../table-columns.ts';

export const roleTable: KindTable<Role | ClusterRole> = {
  columns: [nameColumn, column('Created At', 'When the role was created.', 'date')],
  cells: ({ metadata }) => [metadata.name, metadata.creationTimestamp],
};

export const bindingTable: KindTable<RoleBinding | ClusterRoleBinding> = {
  columns: [
    nameColumn,
    column('Role', 'What the subjects may do.'),
    ageColumn,
    wideColumn('Users', 'Users in the subjects.'),
    wideColumn('Groups', 'Groups in the subjects.'),
    wideColumn('ServiceAccounts', 'ServiceAccounts in the subjects.'),
  ],
  cells: (object, nowMs) => [
    object.metadata.name,
    `${object.roleRef?.kind ?? ''}/${object.roleRef?.name ?? ''}`,
    age(object, nowMs),
    namesOf(object, 'User', ({ name }) => name),
    namesOf(object, 'Group', ({ name }) => name),
    namesOf(object, 'ServiceAccount', ({ namespace, name }) => `${namespace ?? ''}/${name}`),
  ],
};

function namesOf(
  { subjects = [] }: RoleBinding | ClusterRoleBinding,
  kind: string,
  nameOf: (subject: Subject) => string,
): string {
  return subjects
    .filter((subject) => subject.kind === kind)
    .map(nameOf)
    .join(', ');
}
