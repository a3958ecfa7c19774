import { describe, expect, it } from 'vitest';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../api/index.ts';
import { clusterRole } from './cluster-role.ts';
import { clusterRoleBinding } from './cluster-role-binding.ts';
import { role } from './role.ts';
import { roleBinding } from './role-binding.ts';
import { created, createErrors, rowOf, updateErrors, withValues, type RuleCase } from './rule-cases.fixture.ts';

const apiVersion = 'rbac.authorization.k8s.io/v1';
const metadata = {
  name: 'x',
  namespace: 'default',
  uid: 'u-1',
  resourceVersion: '',
  creationTimestamp: '2026-01-01T00:00:00Z',
};
const nowMs = Date.parse('2026-01-01T00:10:00Z');
const rules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }];
const aRole: Role = { apiVersion, kind: 'Role', metadata, rules };
const aClusterRole: ClusterRole = { apiVersion, kind: 'ClusterRole', metadata, rules };
const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
const subjects = [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'ann' }];
const aBinding: RoleBinding = { apiVersion, kind: 'RoleBinding', metadata, roleRef, subjects };
const aClusterBinding: ClusterRoleBinding = { ...aBinding, kind: 'ClusterRoleBinding' };

const ruleCases: readonly RuleCase[] = [
  { rule: 'rules may be missing', set: { rules: undefined }, errors: [] },
  {
    rule: 'a rule without anything',
    set: { rules: [{}] },
    errors: [
      'rules[0].verbs: Required value: verbs must contain at least one value',
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
    ],
  },
];

describe('Roles', () => {
  it.each([
    ...ruleCases,
    {
      rule: 'URLs are of no namespace',
      set: { 'rules.0.nonResourceURLs': ['/x'] },
      errors: [
        'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
        'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
      ],
    },
  ])('are checked: $rule', ({ set, errors }) => {
    expect(createErrors(role, withValues(aRole, set))).toEqual(errors);
  });

  it('show when they were made', () => {
    expect(rowOf(role, aRole, nowMs)).toEqual({ Name: 'x', 'Created At': '2026-01-01T00:00:00Z' });
  });
});

describe('ClusterRoles', () => {
  it.each([
    ...ruleCases,
    { rule: 'URLs', set: { rules: [{ verbs: ['get'], nonResourceURLs: ['/x/*'] }] }, errors: [] },
    {
      rule: 'URLs and resources in one rule',
      set: { 'rules.0.nonResourceURLs': ['/x'] },
      errors: [
        'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
      ],
    },
    {
      rule: 'an aggregation of nothing',
      set: { aggregationRule: { clusterRoleSelectors: [] } },
      errors: [
        'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
      ],
    },
    {
      rule: 'an aggregation by a selector that is none',
      set: { aggregationRule: { clusterRoleSelectors: [{ matchExpressions: [{ key: 'a', operator: 'X' }] }] } },
      errors: [
        'aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: "X": not a valid selector operator',
      ],
    },
  ])('are checked: $rule', ({ set, errors }) => {
    expect(createErrors(clusterRole, withValues(aClusterRole, set))).toEqual(errors);
  });
});

const bindingCases: readonly RuleCase[] = [
  { rule: 'nobody at all', set: { subjects: undefined }, errors: [] },
  {
    rule: 'no role',
    set: { roleRef: { apiGroup: 'x.dev' } },
    errors: [
      'roleRef.apiGroup: Unsupported value: "x.dev": supported values: "rbac.authorization.k8s.io"',
      'roleRef.name: Required value',
    ],
  },
  {
    rule: 'a name that is no part of a path',
    set: { 'roleRef.name': 'a/b' },
    errors: [`roleRef.name: Invalid value: "a/b": may not contain '/'`],
  },
  {
    rule: 'subjects of all sorts',
    set: {
      subjects: [
        { kind: 'User' },
        { kind: 'ServiceAccount', name: 'No Name', namespace: 'n' },
        { kind: 'ServiceAccount', name: 'a', namespace: 'n', apiGroup: 'x.dev' },
        { kind: 'Group', name: 'g', apiGroup: 'x.dev' },
        { kind: 'Robot', name: 'r' },
      ],
    },
    errors: [
      'subjects[0].name: Required value',
      "subjects[1].name: Invalid value: \"No Name\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'subjects[2].apiGroup: Unsupported value: "x.dev": supported values: ""',
      'subjects[3].apiGroup: Unsupported value: "x.dev": supported values: "rbac.authorization.k8s.io"',
      'subjects[4].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
    ],
  },
];

const withoutKind = ({ errors, ...rest }: RuleCase, supported: string): RuleCase =>
  rest.rule === 'no role'
    ? { ...rest, errors: errors.toSpliced(1, 0, `roleRef.kind: Unsupported value: "": supported values: ${supported}`) }
    : { ...rest, errors };

describe('RoleBindings', () => {
  it.each([
    ...bindingCases.map((one) => withoutKind(one, '"Role", "ClusterRole"')),
    { rule: 'accounts of their own namespace', set: { subjects: [{ kind: 'ServiceAccount', name: 'a' }] }, errors: [] },
  ])('are checked: $rule', ({ set, errors }) => {
    expect(createErrors(roleBinding, withValues(aBinding, set))).toEqual(errors);
  });

  it('know the group of roles, users and groups, and only of those', () => {
    const draft = withValues(aBinding, {
      roleRef: { kind: 'Role', name: 'r' },
      subjects: [
        { kind: 'User', name: 'u' },
        { kind: 'Group', name: 'g' },
        { kind: 'ServiceAccount', name: 's' },
      ],
    });
    const apiGroup = 'rbac.authorization.k8s.io';
    expect(created(roleBinding, draft)).toMatchObject({
      roleRef: { apiGroup, kind: 'Role', name: 'r' },
      subjects: [{ kind: 'User', apiGroup, name: 'u' }, { kind: 'Group', apiGroup, name: 'g' }, { name: 's' }],
    });
    expect(created(roleBinding, draft).subjects?.[2]).toEqual({ kind: 'ServiceAccount', name: 's' });
  });

  it('never change their role', () => {
    expect(updateErrors(roleBinding, withValues(aBinding, { 'roleRef.name': 'edit' }), aBinding)).toEqual([
      'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"edit"}: cannot change roleRef',
    ]);
  });

  it('show role and subjects in tables', () => {
    const account = { kind: 'ServiceAccount', name: 's', namespace: 'n' };
    expect(
      rowOf(roleBinding, { ...aBinding, subjects: [...subjects, ...subjects, account] } as RoleBinding, nowMs),
    ).toEqual({
      Name: 'x',
      Role: 'ClusterRole/view',
      Age: '10m',
      Users: 'ann, ann',
      Groups: '',
      ServiceAccounts: 'n/s',
    });
  });
});

describe('ClusterRoleBindings', () => {
  it.each([
    ...bindingCases.map((one) => withoutKind(one, '"ClusterRole"')),
    {
      rule: 'a role of a namespace',
      set: { 'roleRef.kind': 'Role' },
      errors: ['roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"'],
    },
    {
      rule: 'an account of no namespace',
      set: { subjects: [{ kind: 'ServiceAccount', name: 'a' }] },
      errors: ['subjects[0].namespace: Required value'],
    },
  ])('are checked: $rule', ({ set, errors }) => {
    expect(createErrors(clusterRoleBinding, withValues(aClusterBinding, set))).toEqual(errors);
  });
});
