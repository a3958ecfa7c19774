import { dns1123SubdomainErrors, resources } from '../../api/index.ts';
import type { FieldError, Node } from '../../api/index.ts';
import type { TableCell } from '../kind.ts';
import { defineKind } from './define-kind.ts';
import { checkTaints } from './taints.ts';
import { child, Problems, rootPath } from './field-path.ts';
import { age, ageColumn, column, nameColumn, orNone, wideColumn } from './table-columns.ts';
import { isUnset, listOf, semanticallyEqual } from './value-rules.ts';

const rolePrefix = 'node-role.kubernetes.io/';

function setDefaults(draft: Node): void {
  draft.spec ??= {};
  draft.status ??= {};
  const { capacity, allocatable } = draft.status;
  if (allocatable === undefined && capacity !== undefined) draft.status = { ...draft.status, allocatable: capacity };
}

function validate(object: Node): readonly FieldError[] {
  const problems = new Problems();
  checkTaints(listOf(object.spec.taints), child(rootPath('spec'), 'taints'), problems);
  return problems.errors;
}

/** Upstream: core validation `ValidateNodeUpdate`: what a node is cannot change, only how it is used. */
function validateUpdate(next: Node, old: Node): readonly FieldError[] {
  const problems = new Problems();
  const specPath = rootPath('spec');
  const fixed = ['providerID', 'podCIDR'] as const;
  for (const field of fixed) {
    if (isUnset(old.spec[field]) || next.spec[field] === old.spec[field]) continue;
    const text = 'node updates may not change providerID except from "" to valid';
    problems.forbidden(
      child(specPath, field),
      field === 'providerID' ? text : 'node updates may not change podCIDR except from "" to valid',
    );
  }
  if (!isUnset(next.spec.externalID) && !semanticallyEqual(next.spec.externalID, old.spec.externalID)) {
    problems.forbidden(child(specPath, 'externalID'), 'may not be updated');
  }
  return problems.errors;
}

function statusText(node: Node): string {
  const ready = listOf(node.status.conditions).find((condition) => condition.type === 'Ready');
  const parts = [ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'];
  if (node.spec.unschedulable === true) parts.push('SchedulingDisabled');
  return parts.join(',');
}

function rolesText(node: Node): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) roles.add(key.slice(rolePrefix.length));
    else if (key === 'kubernetes.io/role' && value !== '') roles.add(value);
  }
  return orNone([...roles].sort().join(','));
}

function addressText(node: Node, type: string): string {
  return orNone(listOf(node.status.addresses).find((address) => address.type === type)?.address);
}

function orUnknown(text: string | undefined): string {
  return isUnset(text) ? '<unknown>' : text;
}

/** Upstream: printers `printNode`. */
function cells(node: Node, nowMs: number): readonly TableCell[] {
  const info = node.status.nodeInfo;
  return [
    node.metadata.name,
    statusText(node),
    rolesText(node),
    age(node, nowMs),
    info?.kubeletVersion ?? '',
    addressText(node, 'InternalIP'),
    addressText(node, 'ExternalIP'),
    orUnknown(info?.osImage),
    orUnknown(info?.kernelVersion),
    orUnknown(info?.containerRuntimeVersion),
  ];
}

export const node = defineKind<Node>({
  resource: resources.nodes,
  singular: 'node',
  shortNames: ['no'],
  hasStatus: true,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  setDefaults,
  validate,
  validateUpdate,
  fieldLabels: { 'spec.unschedulable': (object) => String(object.spec.unschedulable ?? false) },
  table: {
    columns: [
      nameColumn,
      column('Status', 'Whether the node runs pods.'),
      column('Roles', 'Roles that its labels give it.'),
      ageColumn,
      column('Version', 'Version of the node agent.'),
      wideColumn('Internal-IP', 'Address inside the cluster.'),
      wideColumn('External-IP', 'Address outside the cluster.'),
      wideColumn('OS-Image', 'Operating system.'),
      wideColumn('Kernel-Version', 'Version of the kernel.'),
      wideColumn('Container-Runtime', 'What runs the containers.'),
    ],
    cells,
  },
});
