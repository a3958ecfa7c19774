import type { PriorityClass } from './generated/types.ts';

/** What Pods have when no class says otherwise. Upstream: `DefaultPriorityWhenNoDefaultClassExists`. */
export const defaultPriority = 0;
/** Upstream: `HighestUserDefinablePriority`. Above are the classes of the system. */
export const highestUserPriority = 1_000_000_000;
export const defaultPreemptionPolicy = 'PreemptLowerPriority';

/** The classes that every cluster has. Upstream: `pkg/apis/scheduling/v1`, `SystemPriorityClasses`. */
export const systemPriorityClasses = [
  {
    metadata: { name: 'system-node-critical' },
    value: 2 * highestUserPriority + 1000,
    description: 'For Pods without which the node they run on cannot work.',
  },
  {
    metadata: { name: 'system-cluster-critical' },
    value: 2 * highestUserPriority,
    description: 'For Pods without which the cluster cannot work; they may be moved to another node.',
  },
] as const;

/** Of several classes that say to be the default the one with the lowest value counts (upstream's plugin Priority). */
export function defaultPriorityClass(classes: readonly PriorityClass[]): PriorityClass | undefined {
  return classes
    .filter((one) => one.globalDefault === true)
    .toSorted((a, b) => a.value - b.value || (a.metadata.name < b.metadata.name ? -1 : 1))[0];
}
