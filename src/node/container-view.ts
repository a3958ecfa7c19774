import { isSidecar, type Container, type Pod } from '../api/index.ts';
import type { ContainerId, ContainerState, ExitedContainer } from '../runtimes/index.ts';
import type { Health } from './probes/index.ts';

/** Why a container is not started although it is its turn. */
export interface Waiting {
  readonly reason: string;
  readonly message: string;
  /** When the next try is due; absent: never by itself. */
  readonly retryAtMs?: number;
}

/** One container of a Pod as the node agent sees it at one moment: what the plan and the status are made from. */
export interface ContainerView {
  readonly container: Container;
  /** `ephemeral`: it came to look at the Pod, and counts for nothing. */
  readonly role: 'init' | 'sidecar' | 'regular' | 'ephemeral';
  /** Of an ephemeral one: the container whose processes it is to see. */
  readonly target?: string | undefined;
  /** The newest attempt, or 0 when there was none. */
  readonly attempt: number;
  /** Its state; undefined before the first start. */
  readonly current: ContainerState | undefined;
  /** What its image was found to be, if the runtime pulls images. */
  readonly imageId?: string | undefined;
  /** The attempt before it. */
  readonly last: ExitedContainer | undefined;
  /** Restarts that count for the back-off: those since the container last ran for long. */
  readonly crashes: number;
  readonly waiting: Waiting | undefined;
  /** It runs, but its postStart hook has not ended: nobody may count on it yet. */
  readonly starting: boolean;
  /** What its probes say; undefined where there are none. */
  readonly health: Health | undefined;
  /** Why it has to be stopped, and then restarted by its policy. */
  readonly unfit: Unfit | undefined;
}

export type Unfit = 'liveness' | 'startup' | 'postStart';

export function containerId(pod: Pod, view: Pick<ContainerView, 'container' | 'attempt'>): ContainerId {
  return { podUid: pod.metadata.uid, container: view.container.name, attempt: view.attempt };
}

export function isRunning(view: ContainerView): boolean {
  return view.current?.type === 'running';
}

/** It runs, its postStart hook is over and its startup probe has succeeded: what comes after it may go on. */
export function isStarted(view: ContainerView): boolean {
  return isRunning(view) && !view.starting && (view.health?.started ?? true);
}

/** Where a container stands in its Pod, for Events: `spec.containers{name}`. */
export function containerFieldPath(pod: Pod, name: string): string {
  const lists = ['initContainers', 'ephemeralContainers'] as const;
  const list = lists.find((one) => pod.spec[one]?.some((container) => container.name === name));
  return `spec.${list ?? 'containers'}{${name}}`;
}

export function roleOf(pod: Pod, container: Container): ContainerView['role'] {
  if (pod.spec.containers.includes(container)) return 'regular';
  if (pod.spec.ephemeralContainers?.includes(container) === true) return 'ephemeral';
  return isSidecar(container) ? 'sidecar' : 'init';
}

/** Init containers first, in the order in which they start; what came later comes last. */
export function containersOf(pod: Pod): readonly Container[] {
  const { initContainers, containers, ephemeralContainers } = pod.spec;
  if (initContainers === undefined && ephemeralContainers === undefined) return containers;
  return [...(initContainers ?? []), ...containers, ...(ephemeralContainers ?? [])];
}

/** Those that start before the regular ones. */
export function isInitial({ role }: ContainerView): boolean {
  return role === 'init' || role === 'sidecar';
}
