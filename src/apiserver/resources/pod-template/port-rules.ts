import type { Container, ContainerPort } from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset, listOf } from '../value-rules.ts';

const protocols = ['SCTP', 'TCP', 'UDP'];
const portNumberText = 'must be between 1 and 65535, inclusive';

/** What is wrong with the name of a port. Upstream: apimachinery `IsValidPortName`. */
export function portNameErrors(name: string): readonly string[] {
  const errors: string[] = [];
  if (name.length > 15) errors.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(name)) {
    errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(name)) errors.push('must contain at least one letter (a-z)');
  if (name.includes('--')) errors.push('must not contain consecutive hyphens');
  if (name.startsWith('-') || name.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

function isPortNumber(port: number): boolean {
  return port >= 1 && port <= 65535;
}

/** A number, or the name of one of the container's ports. */
export function checkPortReference(port: number | string | undefined, path: Path, problems: Problems): void {
  if (typeof port === 'string') problems.allInvalid(path, port, portNameErrors(port));
  else if (!isPortNumber(port ?? 0)) problems.invalid(path, port ?? 0, portNumberText);
}

/** Upstream: core validation `validateContainerPorts`. */
export function checkContainerPorts(ports: readonly ContainerPort[], path: Path, problems: Problems): void {
  const names = new Set<string>();
  for (const [position, port] of ports.entries()) {
    const at = item(path, position);
    if (!isUnset(port.name)) checkPortName(port.name, names, child(at, 'name'), problems);
    const number = port.containerPort ?? 0;
    if (number === 0) problems.required(child(at, 'containerPort'));
    else if (!isPortNumber(number)) problems.invalid(child(at, 'containerPort'), number, portNumberText);
    const hostPort = port.hostPort ?? 0;
    if (hostPort !== 0 && !isPortNumber(hostPort)) problems.invalid(child(at, 'hostPort'), hostPort, portNumberText);
    if (isUnset(port.protocol)) problems.required(child(at, 'protocol'));
    else if (!protocols.includes(port.protocol)) problems.notSupported(child(at, 'protocol'), port.protocol, protocols);
  }
}

function checkPortName(name: string, taken: Set<string>, path: Path, problems: Problems): void {
  const errors = portNameErrors(name);
  if (errors.length > 0) problems.allInvalid(path, name, errors);
  else if (taken.has(name)) problems.duplicate(path, name);
  else taken.add(name);
}

/** No two ports may ask for the same port of the host. Upstream: core validation `checkHostPortConflicts`. */
export function checkHostPorts(containers: readonly Container[], path: Path, problems: Problems): void {
  let taken: Set<string> | undefined;
  for (const [position, container] of containers.entries()) {
    for (const [portPosition, port] of listOf(container.ports).entries()) {
      if ((port.hostPort ?? 0) === 0) continue;
      const identity = `${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort}`;
      taken ??= new Set();
      if (taken.has(identity)) {
        const at = item(child(item(path, position), 'ports'), portPosition);
        problems.duplicate(child(at, 'hostPort'), identity);
      }
      taken.add(identity);
    }
  }
}

/** Pods on the host's network get no port mapping. In templates a missing hostPort is filled in later. */
export function checkHostNetworkPorts(containers: readonly Container[], path: Path, problems: Problems): void {
  for (const [position, container] of containers.entries()) {
    for (const [portPosition, port] of listOf(container.ports).entries()) {
      const hostPort = port.hostPort ?? 0;
      if (hostPort === 0 || hostPort === port.containerPort) continue;
      const at = item(child(item(path, position), 'ports'), portPosition);
      problems.invalid(child(at, 'hostPort'), hostPort, 'must match `containerPort` when `hostNetwork` is true');
    }
  }
}
