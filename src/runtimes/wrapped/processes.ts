import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { ask } from './probe.ts';

/** A process as its claim file tells it: pid and, on Linux, start time in clock ticks since boot. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string | undefined;
}

export interface Claim {
  readonly startedAtMs: number;
  readonly wrapper: ProcessIdentity;
  /** Leads the container's process group. Missing for a moment, until the wrapper has written it. */
  readonly containerPid: number | undefined;
}

/** Reads a claim file; undefined while its wrapper has not written it yet, or if there is none. */
export function readClaim(file: string): Claim | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const [first = '', second] = text.split('\n');
  const space = first.indexOf(' ');
  const startedAtMs = Number(first.slice(0, space));
  const stat = parseStat(first.slice(space + 1));
  const pid = stat?.pid ?? Number(first.slice(space + 1));
  if (space === -1 || !Number.isSafeInteger(pid) || pid <= 1) return undefined;
  const containerPid = Number(second);
  return {
    startedAtMs,
    wrapper: { pid, startTicks: stat?.startTicks },
    containerPid: Number.isSafeInteger(containerPid) && containerPid > 1 ? containerPid : undefined,
  };
}

interface Stat {
  readonly pid: number;
  readonly state: string;
  readonly parentPid: number;
  readonly group: number;
  readonly startTicks: string;
  /** Linux: its environment is empty. False as well in the middle of an exec, when there is none yet. */
  readonly hasNoVariables: boolean;
}

/** `/proc/PID/stat`: the command's name, in parentheses, may hold anything. */
function parseStat(line: string): Stat | undefined {
  const close = line.lastIndexOf(')');
  if (close === -1) return undefined;
  const fields = line.slice(close + 2).split(' ');
  const [state, parentPid, startTicks] = [fields[0], fields[1], fields[19]];
  if (state === undefined || startTicks === undefined) return undefined;
  return {
    pid: Number.parseInt(line, 10),
    state,
    parentPid: Number(parentPid),
    group: Number(fields[2]),
    startTicks,
    // Where the environment begins and ends in memory.
    hasNoVariables: fields[47] === fields[48] && fields[48] !== '0',
  };
}

function readStat(pid: number): Stat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Which of these processes still live. A dead orphan can stay for seconds until PID 1 reaps it, so on Linux the state
 * letter counts, and the start time tells a new process with the same pid. Elsewhere ps(1) is asked once for all.
 */
export async function livingProcesses(identities: readonly ProcessIdentity[]): Promise<Set<number>> {
  const inProc = identities.filter(({ startTicks }) => startTicks !== undefined);
  const others = identities.filter(({ startTicks }) => startTicks === undefined);
  const alive = new Set(inProc.filter(isAlive).map(({ pid }) => pid));
  if (others.length === 0) return alive;
  const listed = await ask('ps', ['-o', 'pid=,stat=', '-p', others.map(({ pid }) => pid).join(',')]);
  for (const line of listed?.split('\n') ?? []) {
    const [pid, state] = line.trim().split(/\s+/);
    if (state !== undefined && !state.startsWith('Z')) alive.add(Number(pid));
  }
  return alive;
}

/** Linux only: one process, without asking anybody else. */
export function isAlive({ pid, startTicks }: ProcessIdentity): boolean {
  const stat = readStat(pid);
  return stat !== undefined && stat.startTicks === startTicks && stat.state !== 'Z' && stat.state !== 'X';
}

/** Signals the process group that the container's main process leads, if that is still the wrapper's child. */
export function signalGroup(claim: Claim, signal: NodeJS.Signals): void {
  const { containerPid, wrapper } = claim;
  if (containerPid === undefined) return;
  if (wrapper.startTicks !== undefined) {
    const stat = readStat(containerPid);
    // A child of another parent may be a stranger with the same pid; our own orphans are found by their mark.
    if (stat?.parentPid !== wrapper.pid || !isAlive(wrapper)) return;
  }
  const init = signal === 'SIGKILL' ? containerPid : initProcess(claim);
  // unshare(1) and nsenter(1) wait for the main process, and would die of the signal instead of passing it on.
  if (init !== undefined && init !== containerPid) {
    send(init, signal);
    return;
  }
  // Between fork and its own process group the child can only be reached by its pid.
  if (!send(-containerPid, signal)) send(containerPid, signal);
}

/**
 * The main process of a container, for who wants into its namespaces (`/proc/PID/ns`): its claim names the leader of
 * its process group, which in a pid namespace made by unshare(1) is the parent of process 1.
 */
export function initProcess(claim: Claim): number | undefined {
  const { containerPid } = claim;
  if (containerPid === undefined) return undefined;
  try {
    const namespace = (pid: string | number, name: string): string => readlinkSync(`/proc/${pid}/ns/${name}`);
    if (namespace(containerPid, 'pid') === namespace(containerPid, 'pid_for_children')) return containerPid;
    const child = readFileSync(`/proc/${containerPid}/task/${containerPid}/children`, 'utf8').split(' ')[0];
    return child === undefined || child === '' ? undefined : Number(child);
  } catch {
    // It has ended.
    return undefined;
  }
}

/** False if there is no such process (or group). */
function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Signals all processes whose environment carries one of these marks: `RONDO_CONTAINER=<token>`, by token prefix.
 * Members of `exceptGroup` had the signal already: some programs take a second one as "now at once".
 * Only Linux shows environments; elsewhere a process that left its group stays unknown.
 */
export function signalMarked(
  tokenPrefixes: readonly string[],
  signal: NodeJS.Signals,
  exceptGroup: number | undefined,
): number {
  const marks = tokenPrefixes.map((prefix) => Buffer.from(`\0RONDO_CONTAINER=${prefix}`));
  let count = 0;
  for (const pid of pids()) {
    if (pid === process.pid) continue;
    const environment = environmentOf(pid);
    if (environment === undefined || !marks.some((mark) => environment.includes(mark))) continue;
    if (exceptGroup !== undefined && readStat(pid)?.group === exceptGroup) continue;
    if (send(pid, signal)) count++;
  }
  return count;
}

function pids(): number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 1);
  } catch {
    return [];
  }
}

/** A process that is becoming another program shows no environment for an instant: it is asked again, some milliseconds long. */
function environmentOf(pid: number): Buffer | undefined {
  for (let tries = 0; tries < 1000; tries++) {
    const environment = readEnvironment(pid);
    if (environment !== undefined || !mayHaveEnvironment(pid)) return environment;
  }
  return undefined;
}

function mayHaveEnvironment(pid: number): boolean {
  try {
    // Only a process that lives and is none of the kernel's has a program.
    readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return false;
  }
  return readStat(pid)?.hasNoVariables === false;
}

const scratch = Buffer.alloc(1 << 20);

/** With a leading NUL, so that each variable begins after one. Kernel threads and strangers' processes have none. */
function readEnvironment(pid: number): Buffer | undefined {
  let file: number | undefined;
  try {
    file = openSync(`/proc/${pid}/environ`, 'r');
    let length = 1;
    scratch[0] = 0;
    for (;;) {
      const read = readSync(file, scratch, length, scratch.length - length, null);
      length += read;
      if (read === 0 || length === scratch.length) return length === 1 ? undefined : scratch.subarray(0, length);
    }
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
