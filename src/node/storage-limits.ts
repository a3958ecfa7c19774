import { quantityValue, type Container, type Pod } from '../api/index.ts';
import type { Clock } from '../clock/index.ts';
import type { EventRecorder } from '../controlloop/index.ts';
import type { EphemeralBytes, Runtime } from '../runtimes/index.ts';
import type { Ending } from './pod-plan.ts';

/** As upstream's eviction manager looks. */
export const checkEveryMs = 10_000;

/** What is remembered of a Pod for its limits. */
export interface LimitedStorage {
  readonly runtime: Runtime;
  /** Why the Pod has to go. */
  eviction: Ending | undefined;
  /** When it was measured last. */
  measuredAtMs: number | undefined;
}

/**
 * Finds out whether a running Pod holds more on disk than its limits allow, at most every ten seconds; what it finds is
 * kept in `record.eviction`. Gives the next time to ask; undefined: there is nothing to ask. (Upstream: kubelet eviction
 * manager `localStorageEviction`, in its order and words.)
 */
export async function checkStorageLimits(
  pod: Pod,
  record: LimitedStorage,
  { clock, recorder }: { readonly clock: Clock; readonly recorder: EventRecorder },
): Promise<number | undefined> {
  if (record.eviction !== undefined || !isLimited(pod, record.runtime)) return undefined;
  const nowMs = clock.now();
  if (record.measuredAtMs !== undefined && nowMs - record.measuredAtMs < checkEveryMs)
    return record.measuredAtMs + checkEveryMs;
  record.measuredAtMs = nowMs;
  const message = (await volumeExcess(pod, record.runtime)) ?? (await podExcess(pod, record.runtime));
  if (message === undefined) return nowMs + checkEveryMs;
  record.eviction = { reason: 'Evicted', message };
  recorder.event(pod, 'Warning', 'Evicted', message);
  return nowMs;
}

function isLimited(pod: Pod, runtime: Runtime): boolean {
  const volumes = runtime.volumeBytes !== undefined && limitedVolumes(pod).length > 0;
  return volumes || (runtime.ephemeralBytes !== undefined && limitedContainers(pod).length > 0);
}

interface Limited {
  readonly name: string;
  /** As the manifest has it, which is what messages show. */
  readonly limit: string;
}

/** Upstream takes zero for no limit. */
function limitedVolumes({ spec }: Pod): readonly Limited[] {
  return (spec.volumes ?? []).flatMap(({ name, emptyDir }) => limitOf(name, emptyDir?.sizeLimit));
}

function limitedContainers({ spec }: Pod): readonly Limited[] {
  const all: readonly Container[] = [...(spec.initContainers ?? []), ...spec.containers];
  return all.flatMap(({ name, resources }) => limitOf(name, resources?.limits?.['ephemeral-storage']));
}

function limitOf(name: string, limit: string | undefined): Limited[] {
  return limit !== undefined && quantityValue(limit) > 0 ? [{ name, limit }] : [];
}

async function volumeExcess(pod: Pod, runtime: Runtime): Promise<string | undefined> {
  for (const { name, limit } of limitedVolumes(pod)) {
    const bytes = (await runtime.volumeBytes?.(pod.metadata.uid, name)) ?? 0;
    if (bytes > quantityValue(limit)) return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
  }
  return undefined;
}

/** What all together have against what all together may, then each container. */
async function podExcess(pod: Pod, runtime: Runtime): Promise<string | undefined> {
  const limited = limitedContainers(pod);
  if (limited.length === 0 || runtime.ephemeralBytes === undefined) return undefined;
  const used = await runtime.ephemeralBytes(pod.metadata.uid);
  const isSingle = limited.length === 1;
  const sumBytes = limited.reduce((sum, { limit }) => sum + quantityValue(limit), 0);
  if ((await totalBytes(pod, runtime, used)) > sumBytes) {
    const limit = isSingle ? limited[0]!.limit : String(sumBytes);
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${limit}. `;
  }
  const excess = limited.find(({ name, limit }) => (used.containers.get(name) ?? 0) > quantityValue(limit));
  if (excess === undefined) return undefined;
  return `Container ${excess.name} exceeded its local ephemeral storage limit "${excess.limit}". `;
}

/** With emptyDirs, but for those in memory, which count there. */
async function totalBytes({ spec, metadata }: Pod, runtime: Runtime, used: EphemeralBytes): Promise<number> {
  let sum = used.sharedBytes;
  for (const bytes of used.containers.values()) sum += bytes;
  for (const { name, emptyDir } of spec.volumes ?? []) {
    if (emptyDir === undefined || emptyDir.medium === 'Memory') continue;
    sum += (await runtime.volumeBytes?.(metadata.uid, name)) ?? 0;
  }
  return sum;
}
