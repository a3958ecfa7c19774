import { bytesOnDisk } from '../log-keeper.ts';
import { containerIdKey, type ContainerId, type ContainerUsage, type EphemeralBytes } from '../runtime.ts';
import type { ContainerRuntime } from './container-runtime.ts';
import type { HeldContainer } from './held-containers.ts';
import { methods } from './protocol/methods.ts';

/** What containers use, as their runtime measures it; those that it has not measured yet are missing. */
export async function usageOf(
  runtime: ContainerRuntime,
  held: readonly HeldContainer[],
): Promise<ReadonlyMap<string, ContainerUsage>> {
  const keyOf = new Map(held.map(({ id, claim }) => [claim.containerId, containerIdKey(id)]));
  if (keyOf.size === 0) return new Map();
  const { stats } = await runtime.call(methods.listContainerStats, {});
  return new Map(
    stats.flatMap(({ attributes, cpu, memory }) => {
      const key = keyOf.get(attributes?.id ?? '');
      const [cpuNanos, memoryBytes] = [cpu?.usageCoreNanoSeconds, memory?.workingSetBytes];
      if (key === undefined || cpuNanos === undefined || memoryBytes === undefined) return [];
      return [[key, { cpuNanos, memoryBytes }] as const];
    }),
  );
}

/** Logs, and what containers wrote into their roots. */
export async function ephemeralBytesOf(
  runtime: ContainerRuntime,
  held: readonly HeldContainer[],
  logOf: (id: ContainerId) => string,
): Promise<EphemeralBytes> {
  const containers = new Map<string, number>();
  const { stats } = await runtime.call(methods.listContainerStats, {});
  const layers = new Map(stats.map(({ attributes, writableLayer }) => [attributes?.id, writableLayer?.usedBytes]));
  for (const { id, claim } of held) {
    const bytes = bytesOnDisk(logOf(id)) + (layers.get(claim.containerId) ?? 0);
    containers.set(id.container, (containers.get(id.container) ?? 0) + bytes);
  }
  return { containers, sharedBytes: 0 };
}
