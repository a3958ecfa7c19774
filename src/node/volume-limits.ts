import { quantityValue, type Pod } from '../api/index.ts';
import type { Clock } from '../clock/index.ts';
import type { EventRecorder } from '../controlloop/index.ts';
import type { Runtime } from '../runtimes/index.ts';
import type { Ending } from './pod-plan.ts';

/** As upstream's eviction manager looks. */
export const checkEveryMs = 10_000;

/** What is remembered of a Pod for its limits. */
export interface LimitedVolumes {
  readonly runtime: Runtime;
  /** Why the Pod has to go. */
  eviction: Ending | undefined;
  /** When its volumes were measured last. */
  measuredAtMs: number | undefined;
}

/**
 * Finds out whether a running Pod holds more in an emptyDir than its sizeLimit, at most every ten seconds; what it finds
 * is kept in `record.eviction`. Gives the next time to ask; undefined: there is nothing to ask. (Upstream: kubelet
 * eviction manager `emptyDirLimitEviction`.)
 */
export async function checkVolumeLimits(
  pod: Pod,
  record: LimitedVolumes,
  { clock, recorder }: { readonly clock: Clock; readonly recorder: EventRecorder },
): Promise<number | undefined> {
  const limited = (pod.spec.volumes ?? []).filter(({ emptyDir }) => emptyDir?.sizeLimit !== undefined);
  if (limited.length === 0 || record.eviction !== undefined || record.runtime.volumeBytes === undefined)
    return undefined;
  const nowMs = clock.now();
  if (record.measuredAtMs !== undefined && nowMs - record.measuredAtMs < checkEveryMs)
    return record.measuredAtMs + checkEveryMs;
  record.measuredAtMs = nowMs;
  for (const { name, emptyDir } of limited) {
    const limit = emptyDir?.sizeLimit ?? '';
    const limitBytes = quantityValue(limit);
    // Upstream takes zero for no limit.
    if (!(limitBytes > 0) || (await record.runtime.volumeBytes(pod.metadata.uid, name)) <= limitBytes) continue;
    const message = `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
    record.eviction = { reason: 'Evicted', message };
    recorder.event(pod, 'Warning', 'Evicted', message);
    return nowMs;
  }
  return nowMs + checkEveryMs;
}
