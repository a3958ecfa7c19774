import { findCondition, type Pod, type Service } from '../../api/index.ts';

export const clusterDomain = 'cluster.local';
/** How long an answer may be kept, in seconds: as long as CoreDNS says. */
const ttl = 5;

/** Where names come from. */
export interface NamedObjects {
  service(namespace: string, name: string): Service | undefined;
  /** The Pods of a namespace that have an address and are not over. */
  pods(namespace: string): readonly Pod[];
  /** Where Pods reach the API server. */
  readonly apiServer: string;
}

export interface Question {
  readonly name: string;
  /** `A`, `AAAA`, `SRV`, … */
  readonly type: string;
}

export type NameRecord = { readonly name: string; readonly ttl: number } & (
  | { readonly type: 'A' | 'CNAME'; readonly data: string }
  | { readonly type: 'SRV'; readonly data: { priority: number; weight: number; port: number; target: string } }
);

export interface NameAnswer {
  /** False: there is no such name, of whatever type. */
  readonly exists: boolean;
  readonly records: readonly NameRecord[];
}

const none: NameAnswer = { exists: false, records: [] };
const empty: NameAnswer = { exists: true, records: [] };

/**
 * What a name of the cluster means; undefined: it is none of the cluster's. Names are those of the Kubernetes DNS
 * specification, but a Service with a cluster address has those of its Pods as well: there is nothing in between here.
 */
export function clusterAnswer(question: Question, objects: NamedObjects): NameAnswer | undefined {
  const name = question.name.toLowerCase().replace(/\.$/, '');
  if (name === clusterDomain) return empty;
  if (!name.endsWith(`.${clusterDomain}`)) return undefined;
  const parts = name.slice(0, -clusterDomain.length - 1).split('.');
  if (parts.pop() !== 'svc') return none;
  const [namespace, serviceName, ...rest] = parts.reverse();
  // Above the Services there is nothing, but something is below.
  if (namespace === undefined || serviceName === undefined) return empty;
  const service = objects.service(namespace, serviceName);
  if (service === undefined) return none;
  return new ServiceNames(service, { ...question, name }, objects).answer(rest);
}

class ServiceNames {
  readonly #service: Service;
  readonly #question: Question;
  readonly #objects: NamedObjects;

  constructor(service: Service, question: Question, objects: NamedObjects) {
    this.#service = service;
    this.#question = question;
    this.#objects = objects;
  }

  /** `below`: what stands before the Service's own name, the nearest part first. */
  answer(below: readonly string[]): NameAnswer {
    const { spec, metadata } = this.#service;
    const [first, second, ...more] = below;
    if (more.length > 0) return none;
    if (first === undefined && spec.type === 'ExternalName') return this.#external(spec.externalName ?? '');
    if (metadata.name === 'kubernetes' && metadata.namespace === 'default')
      return first === undefined ? this.#addresses([this.#objects.apiServer]) : none;
    const pods = this.#pods();
    if (first === undefined) return this.#addresses(pods.map(addressOf));
    if (second !== undefined) return this.#port(second, first, pods);
    const named = pods.filter((pod) => this.#hostnameOf(pod) === first);
    return named.length === 0 ? none : this.#addresses(named.map(addressOf));
  }

  #external(target: string): NameAnswer {
    return { exists: true, records: [{ name: this.#question.name, ttl, type: 'CNAME', data: target }] };
  }

  #addresses(addresses: readonly string[]): NameAnswer {
    const { name, type } = this.#question;
    if (type !== 'A' && type !== 'ANY') return empty;
    return { exists: true, records: [...new Set(addresses)].map((data) => ({ name, ttl, type: 'A', data })) };
  }

  /** `_http._tcp`: where each Pod has this port, with the name under which it is found. */
  #port(portName: string, protocol: string, pods: readonly Pod[]): NameAnswer {
    const ports = (this.#service.spec.ports ?? []).filter(
      (port) => `_${port.name}` === portName && `_${(port.protocol ?? 'TCP').toLowerCase()}` === protocol,
    );
    if (ports.length === 0) return none;
    const { name, type } = this.#question;
    if (type !== 'SRV' && type !== 'ANY') return empty;
    const base = name.split('.').slice(2).join('.');
    const records = ports.flatMap(({ port }) =>
      pods.map((pod): NameRecord => {
        const target = `${this.#hostnameOf(pod)}.${base}`;
        return { name, ttl, type: 'SRV', data: { priority: 0, weight: 1, port: port ?? 0, target } };
      }),
    );
    return { exists: true, records };
  }

  /** Those that are ready, or all if the Service says so. */
  #pods(): readonly Pod[] {
    const { metadata, spec } = this.#service;
    const selector = Object.entries(spec.selector ?? {});
    if (selector.length === 0) return [];
    const isSelected = (pod: Pod): boolean => selector.every(([key, value]) => pod.metadata.labels?.[key] === value);
    const isReady = (pod: Pod): boolean =>
      spec.publishNotReadyAddresses === true || findCondition(pod.status.conditions, 'Ready')?.status === 'True';
    return this.#objects.pods(metadata.namespace ?? '').filter((pod) => isSelected(pod) && isReady(pod));
  }

  /** A Pod that names this Service as its subdomain is found by its host name, others by their address. */
  #hostnameOf(pod: Pod): string {
    const { hostname, subdomain } = pod.spec;
    const isNamed = hostname !== undefined && subdomain === this.#service.metadata.name;
    return isNamed ? hostname : addressOf(pod).replaceAll('.', '-');
  }
}

function addressOf(pod: Pod): string {
  return pod.status.podIP ?? '';
}
