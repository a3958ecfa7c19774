import { dns1123LabelErrors, dns1123SubdomainErrors, resources } from '../../api/index.ts';
import type { EndpointAddress, EndpointPort, Endpoints, FieldError } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { addressErrors, checkPortNumber, firstFew, protocols } from './endpoint-rules.ts';
import { child, item, Problems, rootPath } from './field-path.ts';
import type { Path } from './field-path.ts';
import { age, ageColumn, column, nameColumn } from './table-columns.ts';
import { isUnset, listOf } from './value-rules.ts';

/** Upstream: core validation `ValidateEndpoints`. */
function validate({ subsets }: Endpoints): readonly FieldError[] {
  const problems = new Problems();
  for (const [position, subset] of listOf(subsets).entries()) {
    const at = item(rootPath('subsets'), position);
    const [ready, others] = [listOf(subset.addresses), listOf(subset.notReadyAddresses)];
    if (ready.length + others.length === 0) problems.required(at, 'must specify `addresses` or `notReadyAddresses`');
    checkAddresses(ready, child(at, 'addresses'), problems);
    checkAddresses(others, child(at, 'notReadyAddresses'), problems);
    checkPorts(listOf(subset.ports), child(at, 'ports'), problems);
  }
  return problems.errors;
}

function checkAddresses(addresses: readonly EndpointAddress[], path: Path, problems: Problems): void {
  for (const [position, { ip, hostname, nodeName }] of addresses.entries()) {
    const at = item(path, position);
    problems.allInvalid(child(at, 'ip'), ip, addressErrors(ip, undefined));
    if (!isUnset(hostname)) problems.allInvalid(child(at, 'hostname'), hostname, dns1123LabelErrors(hostname));
    if (!isUnset(nodeName)) problems.allInvalid(child(at, 'nodeName'), nodeName, dns1123SubdomainErrors(nodeName));
  }
}

function checkPorts(ports: readonly EndpointPort[], path: Path, problems: Problems): void {
  for (const [position, { name, port, protocol }] of ports.entries()) {
    const at = item(path, position);
    if (isUnset(name) && ports.length > 1) problems.required(child(at, 'name'));
    else if (!isUnset(name)) problems.allInvalid(child(at, 'name'), name, dns1123LabelErrors(name));
    checkPortNumber(port, child(at, 'port'), problems);
    if (isUnset(protocol)) problems.required(child(at, 'protocol'));
    else if (!protocols.includes(protocol)) problems.notSupported(child(at, 'protocol'), protocol, protocols);
  }
}

/** Upstream: printers `formatEndpoints`. */
function endpointsText({ subsets }: Endpoints): string {
  if (listOf(subsets).length === 0) return '<none>';
  const all = listOf(subsets).flatMap(({ addresses, ports }) => {
    const hosts = listOf(addresses).map(({ ip }) => ip);
    return listOf(ports).length === 0 ? hosts : listOf(ports).flatMap(({ port }) => hosts.map((ip) => `${ip}:${port}`));
  });
  return firstFew(all);
}

export const endpoints = defineKind<Endpoints>({
  resource: resources.endpoints,
  singular: 'endpoints',
  shortNames: ['ep'],
  hasStatus: false,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: true,
  validateName: dns1123SubdomainErrors,
  setDefaults: (draft) => {
    if (draft.subsets === undefined) return;
    draft.subsets = draft.subsets.map((subset) =>
      subset.ports === undefined
        ? subset
        : { ...subset, ports: subset.ports.map((port) => ({ ...port, protocol: port.protocol || 'TCP' })) },
    );
  },
  validate,
  table: {
    columns: [nameColumn, column('Endpoints', 'Addresses and ports that the Service leads to.'), ageColumn],
    cells: (object, nowMs) => [object.metadata.name, endpointsText(object), age(object, nowMs)],
  },
});
