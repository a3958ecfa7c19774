import type { PodSpec } from './generated/types.ts';
import { isSidecar } from './pod.ts';

/** A port of the host that a Pod asks for. */
export interface HostPort {
  readonly protocol: string;
  /** `0.0.0.0`: on all addresses. */
  readonly address: string;
  readonly port: number;
}

const everywhere = '0.0.0.0';

/** What a Pod asks for, of containers and sidecars (upstream: `schedutil.GetHostPorts`); undefined: nothing. */
export function hostPortsOf(spec: PodSpec): readonly HostPort[] | undefined {
  let found: HostPort[] | undefined;
  const sidecars = spec.initContainers?.filter(isSidecar) ?? [];
  for (const { ports } of [...sidecars, ...spec.containers]) {
    for (const { hostPort = 0, hostIP = '', protocol = 'TCP' } of ports ?? []) {
      if (hostPort <= 0) continue;
      found ??= [];
      found.push({ protocol, address: hostIP === '' ? everywhere : hostIP, port: hostPort });
    }
  }
  return found;
}

/** Whether two Pods could not both have theirs (upstream: framework `HostPortInfo.CheckConflict`). */
export function hostPortsConflict(
  wanted: readonly HostPort[] | undefined,
  used: readonly HostPort[] | undefined,
): boolean {
  if (wanted === undefined || used === undefined) return false;
  return wanted.some((a) => used.some((b) => isSame(a, b)));
}

function isSame(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.address === b.address || a.address === everywhere || b.address === everywhere;
}

/** Ports in use with those of one more Pod, or of one less: these are the very objects that were added. */
export function withPorts(
  used: readonly HostPort[] | undefined,
  ports: readonly HostPort[] | undefined,
  times: 1 | -1,
): readonly HostPort[] | undefined {
  if (ports === undefined) return used;
  return times === 1 ? [...(used ?? []), ...ports] : used?.filter((port) => !ports.includes(port));
}
