import { readdirSync, readFileSync } from 'node:fs';
import type { ContainerUsage } from '../runtime.ts';

/** One process of this machine now. Times in clock ticks, of which Linux tells programs 100 a second. */
interface ProcessUsage {
  readonly pid: number;
  readonly parentPid: number;
  readonly group: number;
  readonly session: number;
  /** With those of its children that have ended and were waited for. */
  readonly ticks: number;
  readonly pages: number;
}

const nanosPerTick = 10_000_000;

/**
 * What containers use, by the leader of each one's process group: its process and all that descends from it, or is of its
 * group or session. Memory is what each process has in memory, so what they share counts several times. Looks at every
 * process of the machine once. Linux only: elsewhere nothing is found.
 */
export function usageByLeader(leaders: readonly number[]): ReadonlyMap<number, ContainerUsage> {
  const processes = allProcesses();
  const leaderOf = new Map<number, number>(leaders.map((leader) => [leader, leader]));
  const byPid = new Map(processes.map((process) => [process.pid, process]));
  const found = new Map<number, ContainerUsage>();
  const bytesPerPage = pageBytes(byPid);
  for (const process of processes) {
    const leader = containerOf(process, leaderOf, byPid);
    if (leader === undefined) continue;
    const { cpuNanos, memoryBytes } = found.get(leader) ?? { cpuNanos: 0, memoryBytes: 0 };
    found.set(leader, {
      cpuNanos: cpuNanos + process.ticks * nanosPerTick,
      memoryBytes: memoryBytes + process.pages * bytesPerPage,
    });
  }
  return found;
}

/** Goes up until it meets a leader; what it has found out about the way there is kept in `leaderOf`. */
function containerOf(
  process: ProcessUsage,
  leaderOf: Map<number, number>,
  byPid: ReadonlyMap<number, ProcessUsage>,
): number | undefined {
  const way: number[] = [];
  let leader: number | undefined;
  for (let at: ProcessUsage | undefined = process; at !== undefined; at = byPid.get(at.parentPid)) {
    leader = leaderOf.get(at.pid) ?? leaderOf.get(at.group) ?? leaderOf.get(at.session);
    if (leader !== undefined) break;
    way.push(at.pid);
  }
  if (leader !== undefined) for (const pid of way) leaderOf.set(pid, leader);
  return leader;
}

function allProcesses(): ProcessUsage[] {
  let names: readonly string[];
  try {
    names = readdirSync('/proc');
  } catch {
    // Not Linux.
    return [];
  }
  return names.flatMap((name) => (/^\d+$/.test(name) ? (usageOf(name) ?? []) : []));
}

/** See proc(5): the name, in parentheses, may hold anything. */
function usageOf(pid: string): ProcessUsage | undefined {
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // It has ended.
    return undefined;
  }
  const fields = line
    .slice(line.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const at = (index: number): number => fields[index] ?? 0;
  return {
    pid: Number(pid),
    ...{ parentPid: at(1), group: at(2), session: at(3) },
    ticks: at(11) + at(12) + at(13) + at(14),
    pages: at(21),
  };
}

/** Node tells its own memory in bytes, the kernel in pages: a power of two apart. */
function pageBytes(byPid: ReadonlyMap<number, ProcessUsage>): number {
  const pages = byPid.get(process.pid)?.pages ?? 0;
  return pages === 0 ? 4096 : 2 ** Math.round(Math.log2(process.memoryUsage.rss() / pages));
}
