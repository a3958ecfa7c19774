import {
  compareQuantities,
  forbidden,
  podAmounts,
  quantityMillis,
  resources,
  type Amounts,
  type Container,
  type LimitRange,
  type LimitRangeItem,
  type PersistentVolumeClaim,
  type Pod,
  type PodSpec,
} from '../../api/index.ts';
import type { Admission, AdmissionRequest } from '../kind.ts';
import { qualityOfService } from '../resources/pod-template/quality-of-service.ts';
import { isA } from './concerns.ts';
import type { StoredLister } from './stored-reader.ts';

const annotation = 'kubernetes.io/limit-ranger';

/**
 * Gives containers the default requests and limits of their namespace, and refuses Pods and claims beyond what its
 * LimitRanges allow (upstream's plugin LimitRanger). Costs a look at the namespace's few LimitRanges.
 */
export function limitRanger(list: StoredLister): Admission {
  return {
    name: 'LimitRanger',
    concerns: ({ operation, resource, subresource }) => {
      if (operation === 'delete' || subresource !== undefined) return false;
      return (
        isA(resource, resources.persistentVolumeClaims) || (operation === 'create' && isA(resource, resources.pods))
      );
    },
    admit: (request) => {
      const { kind, namespace, object } = request;
      const isPod = isA(kind.resource, resources.pods);
      for (const range of list<LimitRange>(resources.limitRanges, namespace)) {
        const limits = range.spec?.limits ?? [];
        if (isPod) applyDefaults(object as Pod, limits);
        refuse(
          request,
          isPod ? podProblems(object as Pod, limits) : claimProblems(object as PersistentVolumeClaim, limits),
        );
      }
    },
  };
}

/** Upstream: errors as an aggregate, each text once. */
function refuse({ kind, name }: AdmissionRequest, problems: readonly string[]): void {
  const texts = [...new Set(problems)];
  if (texts.length === 0) return;
  throw forbidden(kind.resource, name, texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`);
}

function applyDefaults(pod: Pod, limits: readonly LimitRangeItem[]): void {
  if (pod.spec === undefined) return;
  const ofContainers = limits.filter(({ type }) => type === 'Container');
  const requests: Amounts = Object.assign({}, ...ofContainers.map((limit) => limit.defaultRequest));
  const defaults: Amounts = Object.assign({}, ...ofContainers.map((limit) => limit.default));
  const notes: string[] = [];
  const fill = (kind: string, container: Container): Container => {
    const { resources: own = {} } = container;
    const missing = (side: 'requests' | 'limits', given: Amounts): Amounts =>
      Object.fromEntries(Object.entries(given).filter(([name]) => own[side]?.[name] === undefined));
    const [setRequests, setLimits] = [missing('requests', requests), missing('limits', defaults)];
    for (const [what, added] of [
      ['request', setRequests],
      ['limit', setLimits],
    ] as const)
      if (Object.keys(added).length > 0)
        notes.push(`${Object.keys(added).toSorted().join(', ')} ${what} for ${kind} ${container.name}`);
    if (Object.keys(setRequests).length + Object.keys(setLimits).length === 0) return container;
    const [asked, limited] = [
      { ...setRequests, ...own.requests },
      { ...setLimits, ...own.limits },
    ];
    return {
      ...container,
      resources: {
        ...own,
        ...(Object.keys(limited).length > 0 && { limits: limited }),
        ...(Object.keys(asked).length > 0 && { requests: asked }),
      },
    };
  };
  const { containers, initContainers } = pod.spec;
  const spec: PodSpec = { ...pod.spec, containers: containers.map((one) => fill('container', one)) };
  pod.spec =
    initContainers === undefined
      ? spec
      : { ...spec, initContainers: initContainers.map((one) => fill('init container', one)) };
  if (notes.length === 0) return;
  const text = `LimitRanger plugin set: ${notes.join('; ')}`;
  pod.status = { ...pod.status, qosClass: qualityOfService(pod.spec) };
  pod.metadata = { ...pod.metadata, annotations: { ...pod.metadata.annotations, [annotation]: text } };
}

interface Sides {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

function podProblems({ spec }: Pod, limits: readonly LimitRangeItem[]): readonly string[] {
  if (spec === undefined) return [];
  return limits.flatMap((limit) => {
    if (limit.type === 'Container')
      return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources: own = {} }) =>
        problemsOf(limit, { requests: own.requests ?? {}, limits: own.limits ?? {} }),
      );
    if (limit.type !== 'Pod') return [];
    return problemsOf(limit, { requests: podAmounts(spec, 'requests'), limits: podAmounts(spec, 'limits') });
  });
}

function problemsOf(limit: LimitRangeItem, sides: Sides): readonly string[] {
  const check = (amounts: Amounts | undefined, rule: Rule): readonly string[] =>
    Object.entries(amounts ?? {}).flatMap(
      ([name, enforced]) => rule({ name, type: limit.type, enforced }, sides) ?? [],
    );
  return [...check(limit.min, minimum), ...check(limit.max, maximum), ...check(limit.maxLimitRequestRatio, ratio)];
}

interface Bound {
  readonly name: string;
  readonly type: string;
  readonly enforced: string;
}

type Rule = (bound: Bound, sides: Sides) => string | undefined;

/** Upstream: `minConstraint`. */
const minimum: Rule = ({ name, type, enforced }, { requests, limits }) => {
  const [request, limit] = [requests[name], limits[name]];
  const text = `minimum ${name} usage per ${type} is ${enforced}`;
  if (request === undefined) return `${text}.  No request is specified`;
  if (compareQuantities(request, enforced) < 0) return `${text}, but request is ${request}`;
  if (limit !== undefined && compareQuantities(limit, enforced) < 0) return `${text}, but limit is ${limit}`;
  return undefined;
};

/** Upstream: `maxConstraint`. */
const maximum: Rule = ({ name, type, enforced }, { requests, limits }) => {
  const [request, limit] = [requests[name], limits[name]];
  const text = `maximum ${name} usage per ${type} is ${enforced}`;
  if (limit === undefined) return `${text}.  No limit is specified`;
  if (compareQuantities(limit, enforced) > 0) return `${text}, but limit is ${limit}`;
  if (request !== undefined && compareQuantities(request, enforced) > 0) return `${text}, but request is ${request}`;
  return undefined;
};

/** Upstream: `limitRequestRatioConstraint`. */
const ratio: Rule = ({ name, type, enforced }, { requests, limits }) => {
  const [request = '0', limit = '0'] = [requests[name], limits[name]];
  const text = `${name} max limit to request ratio per ${type} is ${enforced}`;
  if (compareQuantities(request, '0') === 0) return `${text}, but no request is specified or request is 0`;
  if (compareQuantities(limit, '0') === 0) return `${text}, but no limit is specified or limit is 0`;
  const observed = quantityMillis(limit) / quantityMillis(request);
  return observed * 1000 > quantityMillis(enforced)
    ? `${text}, but provided ratio is ${observed.toFixed(6)}`
    : undefined;
};

/** Claims have requests only. Upstream: `PersistentVolumeClaimLimitFunc`. */
function claimProblems({ spec }: PersistentVolumeClaim, limits: readonly LimitRangeItem[]): readonly string[] {
  const requests = spec?.resources?.requests ?? {};
  return limits
    .filter(({ type }) => type === 'PersistentVolumeClaim')
    .flatMap((limit) => {
      const low = Object.entries(limit.min ?? {}).flatMap(
        ([name, enforced]) => minimum({ name, type: limit.type, enforced }, { requests, limits: {} }) ?? [],
      );
      const high = Object.entries(limit.max ?? {}).flatMap(([name, enforced]) => {
        const request = requests[name];
        const text = `maximum ${name} usage per ${limit.type} is ${enforced}`;
        if (request === undefined) return `${text}.  No request is specified`;
        return compareQuantities(request, enforced) > 0 ? `${text}, but request is ${request}` : [];
      });
      return [...low, ...high];
    });
}
