import { controllerOf, isPodFinished, isPodReady } from '../../api/index.ts';
import type { Pod } from '../../api/index.ts';

/** How soon a changed pod needs a sync of its Job. */
export type Urgency = 'now' | 'soon' | 'never';

/**
 * Upstream waits a second after every pod event. Here what may change a decision is looked at at once, what only changes
 * `status.ready` waits that second (a short Job then never writes it), and the rest needs no sync: scheduling, progress
 * of starting, and the loss of the finalizer, which is our own doing.
 */
export function urgencyOf(before: Pod, after: Pod): Urgency {
  if (isPodFinished(before) !== isPodFinished(after)) return 'now';
  if (before.metadata.deletionTimestamp === undefined && after.metadata.deletionTimestamp !== undefined) return 'now';
  if (controllerOf(before)?.uid !== controllerOf(after)?.uid) return 'now';
  if (!sameEntries(before.metadata.labels, after.metadata.labels)) return 'now';
  if (after.spec.restartPolicy === 'OnFailure' && restarts(before) !== restarts(after)) return 'now';
  if (isPodReady(before) !== isPodReady(after)) return 'soon';
  return after.status.phase === 'Failed' && conditionsOf(before) !== conditionsOf(after) ? 'soon' : 'never';
}

/** What rules on pod conditions look at. */
function conditionsOf({ status }: Pod): string {
  return (status.conditions ?? []).map((condition) => `${condition.type}=${condition.status}`).join();
}

function restarts({ status }: Pod): number {
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return containers.reduce((sum, { restartCount }) => sum + restartCount, 0);
}

type Entries = Readonly<Record<string, string>> | undefined;

export function sameEntries(a: Entries, b: Entries): boolean {
  if (a === b) return true;
  const [left, right] = [a ?? {}, b ?? {}];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key]);
}
