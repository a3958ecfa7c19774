import { containerIdKey, type ContainerId, type ContainerUsage, type EphemeralBytes } from '../runtime.ts';
import type { ContainerLogs } from './container-logs.ts';
import type { HeldContainer } from './containers.ts';
import { podFiles, type Layout } from './layout.ts';
import { readClaim } from './processes.ts';
import { usageByLeader } from './usage.ts';
import { diskUsage } from './volumes.ts';

/** What running containers use, by `containerIdKey`. */
export function usageOf(layout: Layout, running: readonly HeldContainer[]): ReadonlyMap<string, ContainerUsage> {
  const leaders = new Map<number, ContainerId>();
  for (const { token, state } of running) {
    const leader = readClaim(`${layout.claims}/${token}`)?.containerPid;
    if (leader !== undefined) leaders.set(leader, state.id);
  }
  const used = usageByLeader([...leaders.keys()]);
  return new Map([...used].map(([leader, usage]) => [containerIdKey(leaders.get(leader)!), usage]));
}

/** Logs, and what lies in the Pod's own directory. */
export async function ephemeralBytesOf(
  podUid: string,
  held: readonly HeldContainer[],
  { layout, logs }: { readonly layout: Layout; readonly logs: ContainerLogs },
): Promise<EphemeralBytes> {
  const containers = new Map<string, number>();
  for (const { state } of held) {
    const { container } = state.id;
    containers.set(container, (containers.get(container) ?? 0) + logs.bytesOf(state.id));
  }
  return { containers, sharedBytes: await diskUsage(podFiles(layout, podUid).directory) };
}
