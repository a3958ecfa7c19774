import { dns1123LabelErrors, dns1123SubdomainErrors, resources } from '../../api/index.ts';
import type { Endpoint, EndpointSlice, FieldError, SlicePort } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { addressErrors, checkPortNumber, firstFew, protocols } from './endpoint-rules.ts';
import { child, item, Problems, rootPath } from './field-path.ts';
import type { Path } from './field-path.ts';
import { age, ageColumn, column, nameColumn } from './table-columns.ts';
import { checkImmutable, isUnset, listOf } from './value-rules.ts';

const addressTypes = ['FQDN', 'IPv4', 'IPv6'];
/** Upstream: discovery validation. */
const [maxEndpoints, maxPorts, maxAddresses] = [1000, 20_000, 100];

/** Upstream: discovery validation `ValidateEndpointSlice`. */
function validate(slice: EndpointSlice, old?: EndpointSlice): readonly FieldError[] {
  const problems = new Problems();
  const { addressType } = slice;
  const typePath = rootPath('addressType');
  if (isUnset(addressType)) problems.required(typePath);
  else if (!addressTypes.includes(addressType)) problems.notSupported(typePath, addressType, addressTypes);
  if (old !== undefined) checkImmutable(addressType, old.addressType, typePath, problems);
  const endpoints = listOf(slice.endpoints);
  if (endpoints.length > maxEndpoints) problems.tooMany(rootPath('endpoints'), endpoints.length, maxEndpoints);
  else
    for (const [position, endpoint] of endpoints.entries())
      checkEndpoint(endpoint, addressType, { path: item(rootPath('endpoints'), position), problems });
  checkPorts(listOf(slice.ports), rootPath('ports'), problems);
  return problems.errors;
}

function checkEndpoint(
  { addresses, hostname, nodeName }: Endpoint,
  addressType: string,
  { path, problems }: { readonly path: Path; readonly problems: Problems },
): void {
  const at = child(path, 'addresses');
  const all = listOf(addresses);
  if (all.length === 0) problems.required(at, 'must contain at least one address');
  else if (all.length > maxAddresses) problems.tooMany(at, all.length, maxAddresses);
  for (const [position, address] of all.entries())
    problems.allInvalid(item(at, position), address, errorsOf(address, addressType));
  if (!isUnset(hostname)) problems.allInvalid(child(path, 'hostname'), hostname, dns1123LabelErrors(hostname));
  if (!isUnset(nodeName)) problems.allInvalid(child(path, 'nodeName'), nodeName, dns1123SubdomainErrors(nodeName));
}

function errorsOf(address: string, addressType: string): readonly string[] {
  if (addressType === 'IPv4') return addressErrors(address, 4);
  if (addressType === 'IPv6') return addressErrors(address, 6);
  return addressType === 'FQDN' ? dns1123SubdomainErrors(address) : [];
}

function checkPorts(ports: readonly SlicePort[], path: Path, problems: Problems): void {
  if (ports.length > maxPorts) problems.tooMany(path, ports.length, maxPorts);
  const names = new Set<string>();
  for (const [position, { name = '', protocol, port }] of ports.entries()) {
    const at = item(path, position);
    if (name !== '') problems.allInvalid(child(at, 'name'), name, dns1123LabelErrors(name));
    if (names.has(name)) problems.duplicate(child(at, 'name'), name);
    names.add(name);
    if (isUnset(protocol)) problems.required(child(at, 'protocol'));
    else if (!protocols.includes(protocol)) problems.notSupported(child(at, 'protocol'), protocol, protocols);
    if (port !== undefined) checkPortNumber(port, child(at, 'port'), problems);
  }
}

/** Upstream: printers `formatDiscoveryPorts`. */
function portText({ name, port }: SlicePort): string {
  if (port !== undefined) return String(port);
  return isUnset(name) ? '*' : name;
}

export const endpointSlice = defineKind<EndpointSlice>({
  resource: resources.endpointSlices,
  singular: 'endpointslice',
  hasStatus: false,
  hasGeneration: true,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  setDefaults: (draft) => {
    draft.endpoints ??= [];
    draft.ports = listOf(draft.ports).map((port) => ({
      ...port,
      name: port.name ?? '',
      protocol: port.protocol || 'TCP',
    }));
  },
  validate,
  table: {
    columns: [
      nameColumn,
      column('AddressType', 'Of all its endpoints.'),
      column('Ports', 'On which they answer.'),
      column('Endpoints', 'Their addresses.'),
      ageColumn,
    ],
    cells: (slice, nowMs) => [
      slice.metadata.name,
      slice.addressType,
      firstFew(listOf(slice.ports).map(portText)),
      firstFew(listOf(slice.endpoints).flatMap(({ addresses }) => listOf(addresses))),
      age(slice, nowMs),
    ],
  },
});
