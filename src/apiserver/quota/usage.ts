import {
  addAmounts,
  isPodFinished,
  podAmounts,
  type Amounts,
  type KubeObject,
  type PersistentVolumeClaim,
  type Pod,
  type ResourceQuota,
  type ScopedResourceSelectorRequirement,
  type Service,
} from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';
import { qualityOfService } from '../resources/pod-template/quality-of-service.ts';
import { isExtendedResource } from '../resources/resource-names.ts';

type Kind = Pick<KindDefinition, 'resource'>;

const storageClassSuffix = '.storageclass.storage.k8s.io/';
/** Kinds of the core group that quotas count under their plain name, whatever state they are in. */
const plainlyCounted = ['configmaps', 'secrets', 'replicationcontrollers', 'resourcequotas'];

/**
 * What one object uses up of every resource that a quota can name (upstream: `pkg/quota/v1/evaluator`). Pods that have
 * ended use nothing but their `count/pods`.
 */
export function usageOf({ resource: { group, resource } }: Kind, object: KubeObject): Amounts {
  const counted = { [group === '' ? `count/${resource}` : `count/${resource}.${group}`]: '1' };
  if (group !== '') return counted;
  switch (resource) {
    case 'pods':
      return isPodFinished(object as Pod) ? counted : { ...counted, ...podUsage(object as Pod) };
    case 'persistentvolumeclaims':
      return { ...counted, ...claimUsage(object as PersistentVolumeClaim) };
    case 'services':
      return { ...counted, ...serviceUsage(object as Service) };
    default:
      return plainlyCounted.includes(resource) ? { ...counted, [resource]: '1' } : counted;
  }
}

/** Upstream: `podComputeUsageHelper`. */
function podUsage({ spec }: Pod): Amounts {
  return { pods: '1', ...computeUsage(podAmounts(spec, 'requests'), podAmounts(spec, 'limits')) };
}

function computeUsage(requests: Amounts, limits: Amounts): Amounts {
  const usage: Record<string, string> = {};
  for (const name of ['cpu', 'memory', 'ephemeral-storage']) {
    const [request, limit] = [requests[name], limits[name]];
    if (request !== undefined) usage[name] = usage[`requests.${name}`] = request;
    if (limit !== undefined) usage[`limits.${name}`] = limit;
  }
  for (const [name, request] of Object.entries(requests)) {
    if (name.startsWith('hugepages-')) usage[name] = usage[`requests.${name}`] = request;
    else if (isExtendedResource(name)) usage[`requests.${name}`] = request;
  }
  return usage;
}

function claimUsage({ spec }: PersistentVolumeClaim): Amounts {
  const storage = spec.resources?.requests?.['storage'];
  const usage: Record<string, string> = { persistentvolumeclaims: '1' };
  if (storage !== undefined) usage['requests.storage'] = storage;
  const { storageClassName } = spec;
  if (!storageClassName) return usage;
  const ofClass = `${storageClassName}${storageClassSuffix}`;
  const asked = storage === undefined ? {} : { [`${ofClass}requests.storage`]: storage };
  return { ...usage, [`${ofClass}persistentvolumeclaims`]: '1', ...asked };
}

function serviceUsage({ spec = {} }: Service): Amounts {
  const ports = spec.ports?.length ?? 0;
  const isBalanced = spec.type === 'LoadBalancer';
  const nodePorts =
    spec.type === 'NodePort' || (isBalanced && spec.allocateLoadBalancerNodePorts !== false) ? ports : 0;
  return {
    services: '1',
    'services.nodeports': String(nodePorts),
    'services.loadbalancers': isBalanced ? '1' : '0',
  };
}

/** Whether a quota is about such objects: scopes are about Pods only (upstream: `generic.Matches`). */
export function isInScope(
  { spec }: ResourceQuota,
  { resource: { group, resource } }: Kind,
  object: KubeObject,
): boolean {
  const selectors = [
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(spec?.scopeSelector?.matchExpressions ?? []),
  ];
  if (selectors.length === 0) return true;
  return resource === 'pods' && group === '' && selectors.every((selector) => podMatches(selector, object as Pod));
}

function podMatches({ scopeName, operator, values = [] }: ScopedResourceSelectorRequirement, { spec }: Pod): boolean {
  const ends = (spec.activeDeadlineSeconds ?? -1) >= 0;
  const isBestEffort = (): boolean => qualityOfService(spec) === 'BestEffort';
  switch (scopeName) {
    case 'Terminating':
      return ends;
    case 'NotTerminating':
      return !ends;
    case 'BestEffort':
      return isBestEffort();
    case 'NotBestEffort':
      return !isBestEffort();
    case 'CrossNamespacePodAffinity':
      return reachesOtherNamespaces(spec);
    case 'PriorityClass': {
      const name = spec.priorityClassName ?? '';
      if (operator === 'Exists') return name !== '';
      if (operator === 'DoesNotExist') return name === '';
      return values.includes(name) === (operator === 'In');
    }
    default:
      return false;
  }
}

function reachesOtherNamespaces({ affinity }: Pod['spec']): boolean {
  const terms = [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap((one) => [
    ...(one?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(one?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
  ]);
  return terms.some((term) => (term.namespaces?.length ?? 0) > 0 || term.namespaceSelector !== undefined);
}

/**
 * What containers must say because a quota counts it; undefined if they do. Upstream keeps this rule for cpu and memory
 * only, and calls it a mistake.
 */
export function missingText(quota: ResourceQuota, { spec }: Pod): string | undefined {
  const ruled = ['cpu', 'memory'].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]);
  const wanted = ruled.filter((name) => quota.spec?.hard?.[name] !== undefined).toSorted();
  const texts = wanted.flatMap((name) => {
    const lacking = [...spec.containers, ...(spec.initContainers ?? [])].filter(({ resources = {} }) => {
      return computeUsage(resources.requests ?? {}, resources.limits ?? {})[name] === undefined;
    });
    const names = [...new Set(lacking.map((container) => container.name))].toSorted();
    return names.length === 0 ? [] : [`${name} for: ${names.join(',')}`];
  });
  return texts.length === 0 ? undefined : `must specify ${texts.join('; ')}`;
}

/** Only what the quota limits. */
export function limitedBy({ spec }: ResourceQuota, usage: Amounts): Amounts {
  return Object.fromEntries(Object.entries(usage).filter(([name]) => spec?.hard?.[name] !== undefined));
}

/** Nothing of everything that a quota limits: what counting begins with. */
export function zeroUsage({ spec }: ResourceQuota): Amounts {
  return Object.fromEntries(Object.keys(spec?.hard ?? {}).map((name) => [name, '0']));
}

export function sumOf(amounts: readonly Amounts[]): Amounts {
  return amounts.reduce(addAmounts, {});
}
