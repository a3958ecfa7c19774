import {
  findCondition,
  isPodFinished,
  type Endpoint,
  type EndpointAddress,
  type EndpointSubset,
  type Pod,
  type Service,
  type ServicePort,
  type SlicePort,
} from '../../api/index.ts';

/** A slice holds so many at most (upstream: `--max-endpoints-per-slice`). */
export const maxPerSlice = 100;

/** Pods that offer the same ports. */
export interface EndpointGroup {
  readonly ports: readonly ResolvedPort[];
  readonly pods: readonly Pod[];
}

interface ResolvedPort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly appProtocol?: string;
}

/** Whether a Pod is one that a Service may lead to: it has an address, and is not over. */
export function isReachable(pod: Pod): boolean {
  return pod.status.podIP !== undefined && pod.status.podIP !== '' && !isPodFinished(pod);
}

export function isSelected({ metadata, spec }: Service, pod: Pod): boolean {
  const selector = Object.entries(spec.selector ?? {});
  if (selector.length === 0 || pod.metadata.namespace !== metadata.namespace) return false;
  return selector.every(([key, value]) => pod.metadata.labels?.[key] === value);
}

/** The Pods that a Service leads to, by the ports that its own ones mean there; in the order of their names. */
export function groupsOf(service: Service, pods: readonly Pod[]): readonly EndpointGroup[] {
  const groups = new Map<string, { ports: readonly ResolvedPort[]; pods: Pod[] }>();
  const wanted = service.spec.ports ?? [];
  const inOrder = pods.filter((pod) => isSelected(service, pod) && isReachable(pod)).sort(byName);
  for (const pod of inOrder) {
    const ports = wanted.flatMap((port) => resolved(port, pod) ?? []);
    if (ports.length === 0 && wanted.length > 0) continue;
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, pods: [] };
    group.pods.push(pod);
    groups.set(key, group);
  }
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

function byName(a: Pod, b: Pod): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

/** A port that is a name is looked for in each Pod (upstream: `podutil.FindPort`). */
function resolved(port: ServicePort, { spec }: Pod): ResolvedPort | undefined {
  const { name = '', protocol = 'TCP', targetPort, appProtocol } = port;
  const found =
    typeof targetPort === 'string'
      ? spec.containers
          .flatMap(({ ports = [] }) => ports)
          .find((one) => one.name === targetPort && (one.protocol ?? 'TCP') === protocol)?.containerPort
      : (targetPort ?? port.port);
  return found === undefined ? undefined : { name, protocol, port: found, ...(appProtocol && { appProtocol }) };
}

/** Upstream: endpoint controller, `syncService`. Pods that are being deleted are none any more. */
export function subsetsOf(service: Service, groups: readonly EndpointGroup[]): readonly EndpointSubset[] {
  const all = service.spec.publishNotReadyAddresses === true;
  return groups.flatMap(({ ports, pods }) => {
    const there = pods.filter((pod) => all || pod.metadata.deletionTimestamp === undefined);
    const [ready, others] = [there.filter((pod) => all || isReady(pod)), there.filter((pod) => !all && !isReady(pod))];
    if (there.length === 0) return [];
    const addressOf = (pod: Pod): EndpointAddress => ({ ip: pod.status.podIP ?? '', ...detailsOf(service, pod) });
    return [
      {
        ...(ready.length > 0 && { addresses: ready.map(addressOf) }),
        ...(others.length > 0 && { notReadyAddresses: others.map(addressOf) }),
        ...(ports.length > 0 && { ports }),
      },
    ];
  });
}

export interface PlannedSlice {
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly SlicePort[];
}

/** Upstream: `staging/src/k8s.io/endpointslice`; Pods that are being deleted are still told of. */
export function slicesOf(service: Service, groups: readonly EndpointGroup[]): readonly PlannedSlice[] {
  return groups.flatMap(({ ports, pods }) => {
    const slices: PlannedSlice[] = [];
    for (let from = 0; from < pods.length; from += maxPerSlice) {
      const endpoints = pods.slice(from, from + maxPerSlice).map((pod) => endpointOf(service, pod));
      slices.push({ endpoints, ports });
    }
    return slices;
  });
}

function endpointOf(service: Service, pod: Pod): Endpoint {
  const [serving, terminating] = [isReady(pod), pod.metadata.deletionTimestamp !== undefined];
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  return {
    addresses: [pod.status.podIP ?? ''],
    conditions: { ready, serving, terminating },
    ...detailsOf(service, pod),
  };
}

function detailsOf({ metadata }: Service, pod: Pod): Pick<EndpointAddress, 'hostname' | 'nodeName' | 'targetRef'> {
  const { namespace, name, uid } = pod.metadata;
  const { hostname = '', subdomain, nodeName } = pod.spec;
  return {
    ...(hostname !== '' && subdomain === metadata.name && { hostname }),
    ...(nodeName !== undefined && { nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

function isReady({ status }: Pod): boolean {
  return findCondition(status.conditions, 'Ready')?.status === 'True';
}
