import type { Job, Pod } from '../../api/index.ts';
import { isIndexed } from './job-facts.ts';
import { validIndexOf } from './pod-facts.ts';
import { compareForRemoval } from './removal-order.ts';

/**
 * Which active pods have to go: of an Indexed Job first every pod without a valid index and all but the best of each
 * index, then, up to `surplus`, those whose loss costs least (upstream: activePodsForRemoval).
 */
export function podsToDelete(job: Job, active: readonly Pod[], surplus: number): readonly Pod[] {
  const { misplaced, rest } = isIndexed(job) ? splitByIndex(job, active) : { misplaced: [], rest: active };
  const missing = surplus - misplaced.length;
  if (missing <= 0) return misplaced;
  return [...misplaced, ...rest.toSorted(compareForRemoval).slice(0, missing)];
}

function splitByIndex(job: Job, active: readonly Pod[]): { misplaced: Pod[]; rest: Pod[] } {
  const misplaced: Pod[] = [];
  const best = new Map<number, Pod>();
  for (const pod of active) {
    const index = validIndexOf(pod, job);
    const other = index === undefined ? undefined : best.get(index);
    if (index === undefined) misplaced.push(pod);
    else if (other === undefined) best.set(index, pod);
    else if (compareForRemoval(pod, other) <= 0) misplaced.push(pod);
    else {
      misplaced.push(other);
      best.set(index, pod);
    }
  }
  return { misplaced, rest: [...best.values()] };
}
