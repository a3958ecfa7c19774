import type { Container, EphemeralContainer, Pod } from '../api/index.ts';
import { containerStatusesOf, parseTime } from '../api/index.ts';
import {
  RuntimeError,
  type Admission,
  type ContainerId,
  type ContainerState,
  type ExitedContainer,
  type Runtime,
} from '../runtimes/index.ts';
import { containersOf, roleOf, type ContainerView, type Waiting } from './container-view.ts';
import type { Health } from './probes/index.ts';
import type { PodRunner } from './pod-identity.ts';
import { ranLong, type Ending } from './pod-plan.ts';

/** What the node agent remembers of one container between two looks at its Pod. */
interface ContainerMemory {
  attempt: number;
  crashes: number;
  waiting: Waiting | undefined;
  /** Failed tries to create it in a row, for the delay before the next one. */
  failures: number;
  /** What the runtime says of an ephemeral container; asked when it came. */
  admission?: Admission;
  /** The postStart hook of this attempt: still on its way, or failed. */
  postStart?: 'running' | 'failed' | undefined;
}

/** What the node agent remembers of one Pod. Everything in it can be found again from the runtime and the API. */
export interface PodRecord extends PodRunner {
  readonly uid: string;
  readonly runtime: Runtime;
  readonly containers: Map<string, ContainerMemory>;
  admission: Admission | undefined;
  prepared: boolean;
  /** The last that it had: a Pod that has ended keeps it in its status. */
  address: string | undefined;
  /** See `RefreshedVolumes`. */
  volumesAtMs: number | undefined;
  /** See `LimitedVolumes`. */
  eviction: Ending | undefined;
  measuredAtMs: number | undefined;
  /** Container name to the grace period with which it was told to stop. */
  readonly stopping: Map<string, number>;
  /** Of the status that was written last. */
  written: string;
  readonly lost: Map<string, ExitedContainer>;
  /** Aborted when nothing is to be done for this Pod any more; made when somebody listens. */
  gone: AbortController | undefined;
  /** When a container was started last (monotonic milliseconds), as long as that has not been reported. */
  startedAtMs: number | undefined;
}

/** A record for a Pod that is seen for the first time since this engine began: attempts come from runtime and status. */
export function newRecord(pod: Pod, runtime: Runtime): PodRecord {
  const record: PodRecord = {
    uid: pod.metadata.uid,
    runtime,
    run: undefined,
    containers: new Map(),
    admission: undefined,
    prepared: false,
    address: pod.status.podIP,
    volumesAtMs: undefined,
    eviction: undefined,
    measuredAtMs: undefined,
    stopping: new Map(),
    written: '',
    lost: new Map(),
    gone: undefined,
    startedAtMs: undefined,
  };
  for (const container of containersOf(pod)) adopt(pod, container, record);
  return record;
}

function adopt(pod: Pod, container: Container, record: PodRecord): void {
  const { name } = container;
  const reported = containerStatusesOf(pod).find((status) => status.name === name);
  let attempt = reported?.restartCount ?? 0;
  while (stateOf(record, name, attempt + 1) !== undefined) attempt += 1;
  record.containers.set(name, { attempt, crashes: attempt, waiting: undefined, failures: 0 });
  const wasStarted = reported?.state?.running ?? reported?.state?.terminated;
  if (wasStarted !== undefined && stateOf(record, name, attempt) === undefined) {
    record.lost.set(name, lostContainer(record, { name, attempt, startedAt: wasStarted.startedAt }));
  }
}

/** The API says that it ran, but the runtime knows nothing of it: its exit can never be known. */
function lostContainer(
  record: PodRecord,
  container: { readonly name: string; readonly attempt: number; readonly startedAt: string | undefined },
): ExitedContainer {
  const startedAtMs = container.startedAt === undefined ? 0 : parseTime(container.startedAt);
  return {
    type: 'exited',
    id: { podUid: record.uid, container: container.name, attempt: container.attempt },
    runtimeId: '',
    startedAtMs,
    finishedAtMs: startedAtMs,
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the node agent started',
  };
}

function stateOf(record: PodRecord, container: string, attempt: number): ContainerState | undefined {
  const known = record.runtime.containerState({ podUid: record.uid, container, attempt });
  if (known !== undefined) return known;
  const lost = record.lost.get(container);
  return lost?.id.attempt === attempt ? lost : undefined;
}

/** The containers of a Pod as they are now, init containers first. `healthOf`: what probes say of an attempt. */
export function viewsOf(
  pod: Pod,
  record: PodRecord,
  healthOf: (id: ContainerId) => Health | undefined,
): readonly ContainerView[] {
  return containersOf(pod).map((container) => {
    // Ephemeral containers come to a Pod that is known.
    if (!record.containers.has(container.name)) adopt(pod, container, record);
    const memory = memoryOf(record, container.name);
    const { attempt, postStart } = memory;
    const health = healthOf({ podUid: record.uid, container: container.name, attempt });
    const last = memory.attempt > 0 ? stateOf(record, container.name, memory.attempt - 1) : undefined;
    const current = stateOf(record, container.name, attempt);
    return {
      container,
      role: roleOf(pod, container),
      target: (container as EphemeralContainer).targetContainerName,
      attempt,
      current,
      imageId: record.runtime.imageOf?.({ podUid: record.uid, container: container.name, attempt })?.ref,
      last: last?.type === 'exited' ? last : undefined,
      crashes: memory.crashes,
      waiting: memory.waiting,
      starting: postStart === 'running' && current?.type === 'running',
      health,
      unfit: postStart === 'failed' ? 'postStart' : health?.failed,
    };
  });
}

export function memoryOf(record: PodRecord, container: string): ContainerMemory {
  const memory = record.containers.get(container);
  if (memory === undefined) throw new Error(`container ${container} is not in the record of pod ${record.uid}`);
  return memory;
}

/**
 * The newest attempt of the container that an ephemeral one is to look into.
 * @throws RuntimeError CreateContainerConfigError if it has not been started (upstream's text)
 */
export function targetOf(record: PodRecord, { target }: ContainerView): { readonly target?: ContainerId } {
  if (target === undefined || target === '') return {};
  const { attempt } = memoryOf(record, target);
  if (stateOf(record, target, attempt) === undefined)
    throw new RuntimeError('CreateContainerConfigError', `unable to find target container ${target}`);
  return { target: { podUid: record.uid, container: target, attempt } };
}

/** The attempt that a start makes now: the first one, or the one after an exit (which may reset the back-off). */
export function nextAttempt(view: ContainerView): { readonly attempt: number; readonly crashes: number } {
  if (view.current?.type !== 'exited') return { attempt: view.attempt, crashes: view.crashes };
  return { attempt: view.attempt + 1, crashes: ranLong(view.current) ? 1 : view.crashes + 1 };
}
