import type {
  ContainerState as ApiContainerState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from '../api/index.ts';
import { findCondition, formatTime } from '../api/index.ts';
import type { ContainerState, ExitedContainer } from '../runtimes/index.ts';
import { isInitial, isStarted, type ContainerView } from './container-view.ts';
import type { PodPlan } from './pod-plan.ts';

export interface StatusContext {
  readonly hostAddress: string;
  /** Undefined: it has none (yet). */
  readonly podAddress: string | undefined;
  readonly nowMs: number;
}

/**
 * The status of a Pod from its containers and the plan: phase (kubelet's `getPhase` rules), conditions, container
 * statuses. Pure; terminal phases never change.
 */
export function podStatus(pod: Pod, views: readonly ContainerView[], plan: PodPlan, context: StatusContext): PodStatus {
  const phase = phaseOf(pod, views, plan);
  const inits = views.filter(isInitial);
  const ephemerals = views.filter(({ role }) => role === 'ephemeral');
  const regulars = views.filter(({ role }) => role === 'regular');
  const lost = plan.over && uninitialized(views).length === 0 ? neverLocated : undefined;
  const status: PodStatus = {
    ...pod.status,
    phase,
    hostIP: context.hostAddress,
    hostIPs: [{ ip: context.hostAddress }],
    ...(context.podAddress === undefined ? {} : { podIP: context.podAddress, podIPs: [{ ip: context.podAddress }] }),
    startTime: pod.status.startTime ?? formatTime(context.nowMs),
    conditions: conditionsOf(pod, { views, phase, nowMs: context.nowMs }),
    containerStatuses: regulars.map((view) => containerStatus(pod, view, plan, lost)),
  };
  if (pod.metadata.generation !== undefined) status.observedGeneration = pod.metadata.generation;
  if (inits.length > 0) status.initContainerStatuses = inits.map((view) => containerStatus(pod, view, plan));
  if (ephemerals.length > 0)
    status.ephemeralContainerStatuses = ephemerals.map((view) => containerStatus(pod, view, plan));
  if (plan.ending !== undefined && phase === 'Failed') Object.assign(status, plan.ending);
  return status;
}

function phaseOf(pod: Pod, views: readonly ContainerView[], plan: PodPlan): string {
  if (pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed') return pod.status.phase;
  const regulars = views.filter(({ role }) => role === 'regular');
  if (plan.over) {
    const succeeded = plan.ending === undefined && regulars.every(exitedWithZero);
    return succeeded ? 'Succeeded' : 'Failed';
  }
  const started = regulars.every((view) => view.current !== undefined);
  const initPending = views.some((view) => view.role === 'init' && !exitedWithZero(view));
  if (!started || (initPending && !regulars.some((view) => view.current !== undefined))) return 'Pending';
  return 'Running';
}

function exitedWithZero(view: ContainerView): boolean {
  return view.current?.type === 'exited' && view.current.exitCode === 0;
}

/** A Pod that came as far as its regular containers ends with all of them, started or not (kubelet: `TerminatePod`). */
const neverLocated: ApiContainerState = {
  terminated: {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was terminated',
  },
};

function containerStatus(pod: Pod, view: ContainerView, plan: PodPlan, lost?: ApiContainerState): ContainerStatus {
  const { container, current } = view;
  const backingOff = plan.backingOff.get(view);
  // A container that waits for its restart shows the wait; the exit moves to lastState.
  const moved = current?.type === 'exited' && (backingOff !== undefined || view.waiting !== undefined);
  const last = moved ? current : view.last;
  const shown = moved || view.starting ? undefined : current;
  const status: ContainerStatus = {
    name: container.name,
    state: shown === undefined ? (lost ?? { waiting: waitingOf(pod, view, backingOff) }) : stateOf(shown),
    ready: isReady(view),
    restartCount: view.attempt,
    image: container.image ?? '',
    imageID: view.imageId ?? '',
    ...(view.role === 'ephemeral' ? {} : { started: isStarted(view) }),
    ...(current === undefined ? {} : { containerID: current.runtimeId }),
  };
  if (last !== undefined) status.lastState = { terminated: terminatedOf(last) };
  return status;
}

function isReady(view: ContainerView): boolean {
  if (view.role === 'ephemeral') return false;
  return view.role === 'init' ? exitedWithZero(view) : isStarted(view) && (view.health?.ready ?? true);
}

function waitingOf(
  pod: Pod,
  view: ContainerView,
  backingOff: { readonly delayMs: number } | undefined,
): { reason: string; message?: string } {
  if (view.waiting !== undefined) return { reason: view.waiting.reason, message: view.waiting.message };
  if (backingOff !== undefined) {
    return { reason: 'CrashLoopBackOff', message: crashLoopMessage(pod, view, backingOff.delayMs) };
  }
  const hasInit = (pod.spec.initContainers ?? []).length > 0;
  return { reason: hasInit && view.role !== 'sidecar' ? 'PodInitializing' : 'ContainerCreating' };
}

/** The kubelet's text for a container in back-off. */
export function crashLoopMessage(pod: Pod, view: ContainerView, delayMs: number): string {
  const seconds = delayMs / 1000;
  const delay = seconds >= 60 ? `${Math.floor(seconds / 60)}m${seconds % 60}s` : `${seconds}s`;
  const { name, namespace, uid } = pod.metadata;
  return `back-off ${delay} restarting failed container=${view.container.name} pod=${name}_${namespace}(${uid})`;
}

function stateOf(state: ContainerState): ApiContainerState {
  if (state.type === 'running') return { running: { startedAt: formatTime(state.startedAtMs) } };
  return { terminated: terminatedOf(state) };
}

function terminatedOf(state: ExitedContainer): NonNullable<ApiContainerState['terminated']> {
  return {
    exitCode: state.exitCode,
    ...(state.signal === undefined ? {} : { signal: state.signal }),
    reason: state.reason,
    ...(state.message === undefined ? {} : { message: state.message }),
    startedAt: formatTime(state.startedAtMs),
    finishedAt: formatTime(state.finishedAtMs),
    containerID: state.runtimeId,
  };
}

interface ConditionContext {
  readonly views: readonly ContainerView[];
  readonly phase: string;
  readonly nowMs: number;
}

/** Why a condition is false: reason and message, where there is one. */
type Fault = readonly [reason?: string, message?: string];

function conditionsOf(pod: Pod, context: ConditionContext): readonly PodCondition[] {
  const over = context.phase === 'Succeeded' || context.phase === 'Failed';
  const endFault: Fault | undefined = over ? [context.phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed'] : undefined;
  const lasting = context.views.filter(({ role }) => role === 'regular' || role === 'sidecar');
  const unready = lasting.filter((view) => !isReady(view));
  const unreadyFault = faultOf(unready, 'ContainersNotReady', 'containers with unready status');
  const initFault = faultOf(
    uninitialized(context.views),
    'ContainersNotInitialized',
    'containers with incomplete status',
  );
  const readyFault = endFault ?? unreadyFault;
  // A Pod that ended well was initialized, and upstream says so in these words.
  const completed = context.phase === 'Succeeded' ? 'PodCompleted' : undefined;
  const made = [
    condition(pod, context, { type: 'PodReadyToStartContainers', fault: over ? [] : undefined }),
    condition(pod, context, { type: 'Initialized', fault: initFault, reason: completed }),
    condition(pod, context, { type: 'Ready', fault: readyFault ?? gateFault(pod) }),
    condition(pod, context, { type: 'ContainersReady', fault: readyFault }),
  ];
  const own = new Set(made.map(({ type }) => type));
  // Conditions of others (PodScheduled, DisruptionTarget, …) stay as they are.
  return [...made, ...(pod.status.conditions ?? []).filter(({ type }) => !own.has(type))];
}

function faultOf(views: readonly ContainerView[], reason: string, text: string): Fault | undefined {
  if (views.length === 0) return undefined;
  return [reason, `${text}: [${views.map((view) => view.container.name).join(' ')}]`];
}

/** Once a regular container has started, all before it were done. Upstream: `status/generate.go`. */
function uninitialized(views: readonly ContainerView[]): readonly ContainerView[] {
  if (views.some((view) => view.role === 'regular' && view.current !== undefined)) return [];
  return views.filter(
    (view) => (view.role === 'init' && !exitedWithZero(view)) || (view.role === 'sidecar' && !isStarted(view)),
  );
}

/** Conditions that others have to set before the Pod counts as ready. */
function gateFault(pod: Pod): Fault | undefined {
  const problems = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const found = findCondition(pod.status.conditions, conditionType);
    if (found === undefined)
      return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    if (found.status === 'True') return [];
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`];
  });
  return problems.length === 0 ? undefined : ['ReadinessGatesNotReady', problems.join(', ')];
}

function condition(
  pod: Pod,
  context: ConditionContext,
  wanted: { readonly type: string; readonly fault: Fault | undefined; readonly reason?: string | undefined },
): PodCondition {
  const status = wanted.fault === undefined ? 'True' : 'False';
  const [reason, message] = wanted.fault ?? [wanted.reason];
  const before = findCondition(pod.status.conditions, wanted.type);
  if (before !== undefined && before.status === status && before.reason === reason && before.message === message)
    return before;
  const since = before?.status === status ? before.lastTransitionTime : formatTime(context.nowMs);
  return {
    type: wanted.type,
    status,
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    lastTransitionTime: since,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
}
