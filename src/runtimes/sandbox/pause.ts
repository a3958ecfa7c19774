import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import type { Pod } from '../../api/index.ts';
import { sleep, type Clock } from '../../clock/index.ts';
import { RuntimeError } from '../runtime.ts';
import { livingProcesses, readClaim, type Claim } from '../wrapped/index.ts';
import type { ContainerSpec, Executor } from './container-spec.ts';

const waitMs = 2;
const waitLimitMs = 10_000;

/**
 * What the containers of a Pod share is held by a process of its own, which does nothing. A Pod of one container
 * needs none: it has these namespaces for itself.
 */
export function needsPause({ spec }: Pod): boolean {
  const several = spec.containers.length + (spec.initContainers?.length ?? 0) > 1;
  return several || spec.shareProcessNamespace === true;
}

export interface PausePlace {
  /** The Pod's directory of the sandbox. */
  readonly directory: string;
  readonly executor: Executor;
  readonly clock: Clock;
}

/** Starts the Pod's pause unless it runs. @throws RuntimeError CreatePodSandboxError */
export async function ensurePause(pod: Pod, place: PausePlace): Promise<void> {
  const { directory, executor, clock } = place;
  if ((await livingPause(directory)) !== undefined) return;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { claim, ready } = filesOf(directory);
  for (const file of [claim, ready]) rmSync(file, { force: true });
  const namespaces = ownNamespaces(pod);
  const hostname = namespaces.includes('u') ? hostnameOf(pod) : undefined;
  const [program, ...args] = executor.pauseCommand({ claim, ready, directory, hostname, newNamespaces: namespaces });
  const child = spawn(program!, args, { detached: true, stdio: 'ignore', env: {} });
  let failure: string | undefined;
  child.on('error', (error) => (failure = error.message));
  child.on('exit', (code, signal) => (failure = `it ended with ${code ?? signal}`));
  child.unref();
  const deadlineMs = clock.monotonic() + waitLimitMs;
  while (!existsSync(ready)) {
    if (failure !== undefined || clock.monotonic() > deadlineMs)
      throw new RuntimeError('CreatePodSandboxError', `the Pod's pause cannot be started: ${failure ?? 'too slow'}`);
    await sleep(clock, waitMs);
  }
}

export interface PodPlace {
  /** The Pod's directory of the sandbox. */
  readonly directory: string;
  /** The file of its own network namespace; undefined: it has the host's. */
  readonly network: string | undefined;
}

/**
 * The namespaces that a container enters (of the pause, and the Pod's network, if it has one of its own), and those that
 * it makes for itself.
 */
export function namespacesFor(
  pod: Pod,
  { directory, network }: PodPlace,
): Pick<ContainerSpec, 'join' | 'newNamespaces' | 'hostname'> {
  const own = ownNamespaces(pod);
  const net = network === undefined ? [] : [{ type: 'net', path: network } as const];
  const sharedPid = own.includes('p');
  const pid = pod.spec.hostPID === true || sharedPid ? '' : 'p';
  if (!needsPause(pod)) return { join: net, newNamespaces: `${pid}m${own}`, hostname: hostnameOf(pod) };
  const init = readClaim(filesOf(directory).claim)?.containerPid;
  if (init === undefined) throw new RuntimeError('RunContainerError', "the Pod's pause is gone");
  const join = joinedTypes(pod).map((type) => ({ type, path: `/proc/${init}/ns/${type}` }));
  return { join: [...net, ...join], newNamespaces: `${pid}m`, hostname: undefined };
}

const sharedTypes = [
  ['u', 'uts'],
  ['i', 'ipc'],
  ['p', 'pid'],
] as const;

/** What the containers of a Pod share and the host does not, but for the network. */
export function joinedTypes(pod: Pod): readonly ('uts' | 'ipc' | 'pid')[] {
  const own = ownNamespaces(pod);
  return sharedTypes.filter(([letter]) => own.includes(letter)).map(([, type]) => type);
}

/** Ends the pause, and waits until it has gone. */
export async function endPause(directory: string, clock: Clock): Promise<void> {
  if (!existsSync(filesOf(directory).claim)) return;
  for (let round = 0; round < 500; round++) {
    const claim = await livingPause(directory);
    if (claim === undefined) return;
    for (const pid of [claim.containerPid, claim.wrapper.pid]) if (pid !== undefined) kill(pid);
    await sleep(clock, waitMs);
  }
}

/** With the host's network the host's name stays, as in Kubernetes. */
export function hostnameOf(pod: Pod): string | undefined {
  if (pod.spec.hostNetwork === true) return undefined;
  const name = (pod.spec.hostname ?? pod.metadata.name).slice(0, 63);
  return name.replace(/[-.]+$/, '');
}

function ownNamespaces(pod: Pod): string {
  const names = pod.spec.hostNetwork === true ? '' : 'u';
  const ipc = pod.spec.hostIPC === true ? '' : 'i';
  return names + ipc + (pod.spec.shareProcessNamespace === true ? 'p' : '');
}

async function livingPause(directory: string): Promise<Claim | undefined> {
  const claim = readClaim(filesOf(directory).claim);
  if (claim === undefined) return undefined;
  return (await livingProcesses([claim.wrapper])).size > 0 ? claim : undefined;
}

function filesOf(directory: string): { claim: string; ready: string } {
  return { claim: `${directory}/pause`, ready: `${directory}/pause-ready` };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has gone already.
  }
}
