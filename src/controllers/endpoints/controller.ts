import {
  controllerRef,
  isNamespaceTerminating,
  isNotFound,
  objectKey,
  parseObjectKey,
  refOf,
  resources,
  type Draft,
  type Endpoints,
  type EndpointSlice,
  type Pod,
  type Service,
} from '../../api/index.ts';
import type { Informer } from '../../client/index.ts';
import {
  createWorkqueue,
  runController,
  type Controller,
  type ControllerContext,
  type Workqueue,
} from '../../controlloop/index.ts';
import { groupsOf, isReachable, isSelected, slicesOf, subsetsOf, type PlannedSlice } from './plan.ts';

const serviceNameLabel = 'kubernetes.io/service-name';
const sliceManagerLabel = 'endpointslice.kubernetes.io/managed-by';
const sliceManager = 'endpointslice-controller.k8s.io';
const managerLabel = 'endpoints.kubernetes.io/managed-by';
const headlessLabel = 'service.kubernetes.io/headless';
const workers = 5;

/** Index of the Pods of a namespace that have an address and are not over: those that are over cost nothing. */
export const reachablePods = {
  name: 'endpoints/namespace',
  valuesOf: (pod: Pod): readonly string[] => (isReachable(pod) ? [pod.metadata.namespace ?? ''] : []),
};

/**
 * Keeps the Endpoints and EndpointSlices of every Service that selects Pods. Those without a selector are their makers'.
 * (Upstream: the endpoint and the endpointslice controller.)
 */
export function createEndpointsController(context: ControllerContext): Controller {
  return new EndpointsController(context);
}

class EndpointsController implements Controller {
  readonly name = 'endpoints-controller';
  readonly #context: ControllerContext;
  readonly #services: Informer<Service>;
  readonly #pods: Informer<Pod>;
  readonly #endpoints: Informer<Endpoints>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #queue: Workqueue;
  #runner: { stop(): Promise<void> } | undefined;

  constructor(context: ControllerContext) {
    this.#context = context;
    const { informers } = context;
    this.#services = informers.of(resources.services, { selecting: selectingIn });
    this.#pods = informers.of(resources.pods, { [reachablePods.name]: reachablePods.valuesOf });
    this.#endpoints = informers.of(resources.endpoints);
    this.#slices = informers.of(resources.endpointSlices, { service: serviceOfSlice });
    this.#queue = createWorkqueue({ clock: context.clock });
    const seen = (service: Service): void => this.#queue.add(objectKey(refOf(service)));
    this.#services.addHandler({ onAdd: seen, onUpdate: seen, onDelete: seen });
    this.#pods.addHandler({
      onAdd: (pod) => this.#podSeen(pod),
      onUpdate: (pod, previous) => this.#podChanged(pod, previous),
      onDelete: (pod) => this.#podSeen(pod),
    });
  }

  start(): void {
    const { clock, log, metrics, dueFirst } = this.#context;
    const reconcile = (key: string): Promise<void> => this.#reconcile(key);
    this.#runner = runController({
      ...{ name: this.name, queue: this.#queue, workers, reconcile, clock, log, metrics },
      givesWayTo: dueFirst,
    });
  }

  async stop(): Promise<void> {
    await this.#runner?.stop();
  }

  #podSeen(pod: Pod): void {
    for (const service of this.#selecting(pod))
      if (isSelected(service, pod)) this.#queue.add(objectKey(refOf(service)));
  }

  #podChanged(pod: Pod, previous: Pod): void {
    if (pod.metadata.resourceVersion === previous.metadata.resourceVersion) return;
    for (const service of this.#selecting(pod))
      if (isSelected(service, pod) || isSelected(service, previous)) this.#queue.add(objectKey(refOf(service)));
  }

  /** Most namespaces have none. */
  #selecting({ metadata }: Pod): readonly Service[] {
    return this.#services.byIndex('selecting', metadata.namespace ?? '');
  }

  async #reconcile(key: string): Promise<void> {
    const service = this.#services.get(key);
    const { namespace = '', name } = parseObjectKey(key);
    try {
      if (service === undefined) await this.#removeEndpoints({ namespace, name });
      else if (Object.keys(service.spec.selector ?? {}).length > 0) await this.#bringUpToDate(service);
    } catch (error) {
      if (!isNamespaceTerminating(error)) throw error;
    }
  }

  async #bringUpToDate(service: Service): Promise<void> {
    if (service.metadata.deletionTimestamp !== undefined) return;
    const groups = groupsOf(service, this.#pods.byIndex(reachablePods.name, service.metadata.namespace ?? ''));
    await this.#writeEndpoints(service, groups);
    await this.#writeSlices(service, slicesOf(service, groups));
  }

  async #writeEndpoints(service: Service, groups: ReturnType<typeof groupsOf>): Promise<void> {
    const { client } = this.#context;
    const { name, namespace } = service.metadata;
    const subsets = subsetsOf(service, groups);
    const labels = labelsOf(service, { [managerLabel]: 'endpoint-controller' });
    const existing = this.#endpoints.get(objectKey(refOf(service)));
    const content = subsets.length > 0 ? { subsets } : {};
    if (existing === undefined) {
      await client.create(resources.endpoints, { metadata: { name, namespace, labels }, ...content });
    } else if (differs([existing.subsets ?? [], existing.metadata.labels], [subsets, labels])) {
      const { subsets: _before, ...rest } = existing;
      await client.update(resources.endpoints, { ...rest, metadata: { ...existing.metadata, labels }, ...content });
    }
  }

  /** Slices of the same ports are written over, one after the other; what is left over goes. */
  async #writeSlices(service: Service, planned: readonly PlannedSlice[]): Promise<void> {
    const { client } = this.#context;
    const labels = labelsOf(service, { [serviceNameLabel]: service.metadata.name, [sliceManagerLabel]: sliceManager });
    const free = [...this.#slices.byIndex('service', objectKey(refOf(service)))].sort(byAge);
    for (const { endpoints, ports } of planned) {
      const at = free.findIndex((slice) => !differs(slice.ports, ports));
      const [slice] = at === -1 ? [] : free.splice(at, 1);
      if (slice === undefined)
        await client.create(resources.endpointSlices, newSlice(service, labels, { endpoints, ports }));
      else if (differs([slice.endpoints, slice.metadata.labels], [endpoints, labels])) {
        const metadata = { ...slice.metadata, labels };
        await client.update(resources.endpointSlices, { ...slice, metadata, endpoints });
      }
    }
    for (const slice of free) await this.#remove(() => client.delete(resources.endpointSlices, refOf(slice)));
  }

  /** Its slices are collected with it: they are its own. */
  async #removeEndpoints(ref: { readonly namespace: string; readonly name: string }): Promise<void> {
    const existing = this.#endpoints.get(objectKey(ref));
    if (existing?.metadata.labels?.[managerLabel] === undefined) return;
    await this.#remove(() => this.#context.client.delete(resources.endpoints, ref));
  }

  async #remove(remove: () => Promise<void>): Promise<void> {
    try {
      await remove();
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function selectingIn({ metadata, spec }: Service): readonly string[] {
  return Object.keys(spec.selector ?? {}).length > 0 ? [metadata.namespace ?? ''] : [];
}

/** The key of the Service of a slice that is ours. */
function serviceOfSlice({ metadata: { namespace, labels } }: EndpointSlice): readonly string[] {
  const name = labels?.[serviceNameLabel];
  return name === undefined || labels?.[sliceManagerLabel] !== sliceManager ? [] : [objectKey({ namespace, name })];
}

function labelsOf({ metadata, spec }: Service, own: Readonly<Record<string, string>>): Record<string, string> {
  return { ...metadata.labels, ...own, ...(spec.clusterIP === 'None' && { [headlessLabel]: '' }) };
}

function newSlice(
  service: Service,
  labels: Readonly<Record<string, string>>,
  { endpoints, ports }: PlannedSlice,
): Draft<EndpointSlice> {
  const { name, namespace } = service.metadata;
  const ownerReferences = [controllerRef(service, resources.services)];
  return {
    metadata: { generateName: `${name}-`, namespace, labels, ownerReferences },
    ...{ addressType: 'IPv4', endpoints, ports },
  };
}

function byAge(a: EndpointSlice, b: EndpointSlice): number {
  return a.metadata.creationTimestamp + a.metadata.name < b.metadata.creationTimestamp + b.metadata.name ? -1 : 1;
}

function differs(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) !== JSON.stringify(sorted(b));
}

/** Members by name: what was stored may have them in another order. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    members.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, sorted(member)]),
  );
}
