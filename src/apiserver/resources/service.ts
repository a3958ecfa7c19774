import { dns1123LabelErrors, resources } from '../../api/index.ts';
import type { FieldError, Service, ServicePort, ServiceSpec } from '../../api/index.ts';
import type { TableCell } from '../kind.ts';
import { defineKind } from './define-kind.ts';
import { child, item, Problems, rootPath } from './field-path.ts';
import type { Path } from './field-path.ts';
import { age, ageColumn, column, labelsText, nameColumn, orNone, wideColumn } from './table-columns.ts';
import { isUnset, listOf } from './value-rules.ts';

const labelPattern = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const nameText =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

/** Upstream: apimachinery `IsDNS1035Label`. */
function nameErrors(name: string): readonly string[] {
  const errors: string[] = [];
  if (name.length > 63) errors.push('must be no more than 63 characters');
  if (!labelPattern.test(name)) errors.push(nameText);
  return errors;
}

/** Upstream: core defaults `SetDefaults_Service`. No addresses are given out: Services are only kept. */
function setDefaults(draft: Service): void {
  const spec: ServiceSpec = { ...draft.spec };
  if (isUnset(spec.type)) spec.type = 'ClusterIP';
  if (isUnset(spec.sessionAffinity)) spec.sessionAffinity = 'None';
  if (spec.ports !== undefined) spec.ports = spec.ports.map(withPortDefaults);
  if (spec.internalTrafficPolicy === undefined && spec.type !== 'ExternalName') spec.internalTrafficPolicy = 'Cluster';
  const isExternal = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  if (isExternal && isUnset(spec.externalTrafficPolicy)) spec.externalTrafficPolicy = 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  draft.spec = spec;
  draft.status ??= { loadBalancer: {} };
}

function withPortDefaults(port: ServicePort): ServicePort {
  const hasTarget = port.targetPort !== undefined && port.targetPort !== 0 && port.targetPort !== '';
  if (!isUnset(port.protocol) && hasTarget) return port;
  return {
    ...port,
    protocol: isUnset(port.protocol) ? 'TCP' : port.protocol,
    targetPort: hasTarget ? port.targetPort : port.port,
  };
}

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const protocols = ['SCTP', 'TCP', 'UDP'];

/** The part of upstream's `ValidateService` that an object without networking behind it needs. */
function validate(object: Service): readonly FieldError[] {
  const problems = new Problems();
  const { spec } = object;
  const path = rootPath('spec');
  const ports = listOf(spec.ports);
  if (ports.length === 0 && spec.type !== 'ExternalName' && spec.clusterIP !== 'None') {
    problems.required(child(path, 'ports'));
  }
  if (!types.includes(spec.type ?? '')) problems.notSupported(child(path, 'type'), spec.type, types);
  if (spec.type === 'ExternalName' && isUnset(spec.externalName)) problems.required(child(path, 'externalName'));
  checkPorts(ports, child(path, 'ports'), problems);
  return problems.errors;
}

function checkPorts(ports: readonly ServicePort[], path: Path, problems: Problems): void {
  const names = new Set<string>();
  for (const [position, port] of ports.entries()) {
    const at = item(path, position);
    const name = port.name ?? '';
    if (name === '' && ports.length > 1) problems.required(child(at, 'name'));
    else if (name !== '') problems.allInvalid(child(at, 'name'), name, dns1123LabelErrors(name));
    if (name !== '' && names.has(name)) problems.duplicate(child(at, 'name'), name);
    names.add(name);
    const number = port.port ?? 0;
    if (number < 1 || number > 65535) {
      problems.invalid(child(at, 'port'), number, 'must be between 1 and 65535, inclusive');
    }
    if (!protocols.includes(port.protocol ?? '')) {
      problems.notSupported(child(at, 'protocol'), port.protocol, protocols);
    }
  }
}

function portText(port: ServicePort): string {
  const node = (port.nodePort ?? 0) > 0 ? `:${port.nodePort}` : '';
  return `${port.port}${node}/${port.protocol ?? ''}`;
}

function externalText(service: Service): string {
  const { spec, status } = service;
  if (spec.type === 'ExternalName') return orNone(spec.externalName);
  const own = listOf(spec.externalIPs);
  if (spec.type !== 'LoadBalancer') return orNone(own.join(','));
  const given = listOf(status?.loadBalancer?.ingress).map((ingress) => ingress.ip ?? ingress.hostname ?? '');
  const all = [...given, ...own].filter((address) => address !== '');
  return all.length === 0 ? '<pending>' : all.join(',');
}

/** Upstream: printers `printService`. */
function cells(service: Service, nowMs: number): readonly TableCell[] {
  const { spec } = service;
  return [
    service.metadata.name,
    spec.type ?? '',
    orNone(spec.clusterIP),
    externalText(service),
    orNone(listOf(spec.ports).map(portText).join(',')),
    age(service, nowMs),
    labelsText(spec.selector),
  ];
}

export const service = defineKind<Service>({
  resource: resources.services,
  singular: 'service',
  shortNames: ['svc'],
  categories: ['all'],
  hasStatus: true,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: true,
  validateName: nameErrors,
  setDefaults,
  prepareForCreate: (draft) => {
    draft.status = { loadBalancer: {} };
  },
  validate,
  fieldLabels: {
    'spec.clusterIP': (object) => object.spec.clusterIP ?? '',
    'spec.type': (object) => object.spec.type ?? '',
  },
  table: {
    columns: [
      nameColumn,
      column('Type', 'How the service is reached.'),
      column('Cluster-IP', 'Address inside the cluster.'),
      column('External-IP', 'Addresses outside the cluster.'),
      column('Port(s)', 'Ports that it offers.'),
      ageColumn,
      wideColumn('Selector', 'Which pods serve it.'),
    ],
    cells,
  },
});
