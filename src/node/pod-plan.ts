import type { Pod } from '../api/index.ts';
import { parseTime } from '../api/index.ts';
import type { ExitedContainer } from '../runtimes/index.ts';
import { isInitial, isRunning, isStarted, type ContainerView, type Unfit } from './container-view.ts';

/** Why a Pod ends before its containers do. */
export interface Ending {
  readonly reason?: string;
  readonly message?: string;
}

export interface StopOrder {
  readonly view: ContainerView;
  /** The grace period of its Pod. */
  readonly graceMs: number;
  /** What is left of that for this container, whose turn came late. */
  readonly leftMs?: number;
  /** Set where the container itself is the reason, and not the end of its Pod. */
  readonly unfit?: Unfit;
}

export interface PodPlan {
  /** To start now: a first attempt where there is none, else the next one. */
  readonly start: readonly ContainerView[];
  /** To stop now. */
  readonly stop: readonly StopOrder[];
  /** The Pod is over: nothing runs and nothing will be started. */
  readonly over: boolean;
  readonly ending: Ending | undefined;
  /** Containers that wait for their back-off. */
  readonly backingOff: ReadonlyMap<ContainerView, { readonly untilMs: number; readonly delayMs: number }>;
  /** When to look again without any event. */
  readonly wakeAtMs: number | undefined;
}

/** What takes more than its share gets no time to take more (upstream: `immediateEvictionGracePeriodSeconds`). */
const evictionGraceMs = 1000;
const firstBackoffMs = 10_000;
const maxBackoffMs = 300_000;
/** A container that ran this long starts its back-off from the beginning (kubelet: twice the longest delay). */
const backoffResetMs = 600_000;
/** What a container has at least between TERM and KILL, however late its turn comes (kubelet). */
export const minGraceMs = 2000;

/** The delay before the next attempt: none after the first exit, then 10 s doubling to 5 min (kubelet). */
export function restartDelayMs(crashes: number): number {
  return crashes === 0 ? 0 : Math.min(firstBackoffMs * 2 ** (crashes - 1), maxBackoffMs);
}

/** What ran this long is not what crashes: it is started again at once. */
export function ranLong({ startedAtMs, finishedAtMs }: ExitedContainer): boolean {
  return finishedAtMs - startedAtMs >= backoffResetMs;
}

/**
 * What is to be done for one Pod now: pure, from its spec and the state of its containers. Order and restart rules are
 * the kubelet's: init containers one after another, sidecars stay, restarts by restartPolicy with back-off; a Pod that
 * is deleted or past its deadline starts nothing more.
 */
export function planPod(pod: Pod, views: readonly ContainerView[], nowMs: number, eviction?: Ending): PodPlan {
  const planner = new Planner(pod, nowMs, eviction === undefined ? undefined : evictionGraceMs);
  const ending = eviction ?? planner.endingOf();
  if (ending !== undefined || pod.metadata.deletionTimestamp !== undefined) planner.stopAll(views);
  else planner.advance(views);
  return planner.finish(views, ending);
}

class Planner {
  readonly #pod: Pod;
  readonly #nowMs: number;
  readonly #longestGraceMs: number;
  readonly #start: ContainerView[] = [];
  readonly #stop: StopOrder[] = [];
  readonly #backingOff = new Map<ContainerView, { untilMs: number; delayMs: number }>();
  #over = false;
  #wakeAtMs: number | undefined;

  constructor(pod: Pod, nowMs: number, longestGraceMs = Infinity) {
    this.#pod = pod;
    this.#nowMs = nowMs;
    this.#longestGraceMs = longestGraceMs;
  }

  endingOf(): Ending | undefined {
    const { activeDeadlineSeconds } = this.#pod.spec;
    const { startTime } = this.#pod.status;
    if (activeDeadlineSeconds === undefined || startTime === undefined) return undefined;
    const dueMs = parseTime(startTime) + activeDeadlineSeconds * 1000;
    if (dueMs > this.#nowMs) {
      this.#wakeAt(dueMs);
      return undefined;
    }
    const message = 'Pod was active on the node longer than the specified deadline';
    return { reason: 'DeadlineExceeded', message };
  }

  /** Sidecars may be needed to the end: they are stopped after all others, the last one first, in what time is left. */
  stopAll(views: readonly ContainerView[]): void {
    const running = views.filter(isRunning);
    const others = running.filter(({ role }) => role !== 'sidecar');
    const graceMs = this.#graceMs();
    for (const view of others) this.#stop.push({ view, graceMs });
    const sidecar = others.length === 0 ? running.at(-1) : undefined;
    if (sidecar !== undefined) this.#stop.push({ view: sidecar, graceMs, leftMs: this.#leftMs(graceMs) });
    this.#over = running.length === 0;
  }

  advance(views: readonly ContainerView[]): void {
    const inits = views.filter(isInitial);
    const regulars = views.filter(({ role }) => role === 'regular');
    if (regulars.every((view) => this.#isDone(view))) {
      this.#stopCompany(views);
      return;
    }
    for (const view of views) this.#stopUnfit(view);
    // Before all others, so that also a Pod can be looked into that does not get on.
    for (const view of views) if (view.role === 'ephemeral' && view.current === undefined) this.#startOrWait(view);
    for (const view of inits) if (!this.#advanceInit(view, regulars.some(hasStarted))) return;
    for (const view of regulars) {
      // The kubelet starts one container after another, and a postStart hook belongs to the start.
      if (view.starting) return;
      if (!isRunning(view) && !this.#isDone(view)) this.#startOrWait(view);
    }
  }

  finish(views: readonly ContainerView[], ending: Ending | undefined): PodPlan {
    const initFailed = views.some((view) => view.role === 'init' && failed(view) && this.#neverRestarts());
    if (initFailed && !this.#over) {
      this.#start.length = 0;
      this.#stop.length = 0;
      this.stopAll(views);
    }
    return {
      start: this.#start,
      stop: this.#stop,
      over: this.#over,
      ending,
      backingOff: this.#backingOff,
      wakeAtMs: this.#wakeAtMs,
    };
  }

  /**
   * Sidecars and ephemeral containers keep nothing alive: once all regular containers are done they are stopped, of
   * the sidecars the last one first.
   */
  #stopCompany(views: readonly ContainerView[]): void {
    const sidecars = views.filter((view) => view.role === 'sidecar' && isRunning(view));
    const guests = views.filter((view) => view.role === 'ephemeral' && isRunning(view));
    for (const view of [...sidecars.slice(-1), ...guests]) this.#stop.push({ view, graceMs: this.#graceMs() });
    this.#over = this.#stop.length === 0;
  }

  #stopUnfit(view: ContainerView): void {
    const { unfit } = view;
    if (unfit === undefined || !isRunning(view)) return;
    const probe = {
      liveness: view.container.livenessProbe,
      startup: view.container.startupProbe,
      postStart: undefined,
    };
    const seconds = probe[unfit]?.terminationGracePeriodSeconds;
    this.#stop.push({ view, graceMs: seconds === undefined ? this.#graceMs() : seconds * 1000, unfit });
  }

  /** True when the next init container may go on. Init containers that were done before the main ones are not rerun. */
  #advanceInit(view: ContainerView, mainStarted: boolean): boolean {
    if (isRunning(view)) return view.role === 'sidecar' && (mainStarted || isStarted(view));
    if (view.role === 'init') {
      if (mainStarted || (view.current?.type === 'exited' && view.current.exitCode === 0)) return true;
      if (failed(view) && this.#neverRestarts()) return false;
      this.#startOrWait(view);
      return false;
    }
    this.#startOrWait(view);
    return view.current !== undefined && mainStarted;
  }

  #startOrWait(view: ContainerView): void {
    if (view.waiting !== undefined) {
      if (view.waiting.retryAtMs === undefined) return;
      if (view.waiting.retryAtMs > this.#nowMs) {
        this.#wakeAt(view.waiting.retryAtMs);
        return;
      }
    }
    if (view.current?.type === 'exited') {
      const delayMs = ranLong(view.current) ? 0 : restartDelayMs(view.crashes);
      const untilMs = view.current.finishedAtMs + delayMs;
      if (untilMs > this.#nowMs) {
        this.#backingOff.set(view, { untilMs, delayMs });
        this.#wakeAt(untilMs);
        return;
      }
    }
    this.#start.push(view);
  }

  /** A regular container that has exited for good. */
  #isDone(view: ContainerView): boolean {
    if (view.current?.type !== 'exited') return false;
    const policy = view.container.restartPolicy ?? this.#pod.spec.restartPolicy;
    if (policy === 'Never') return true;
    return policy === 'OnFailure' && view.current.exitCode === 0;
  }

  #neverRestarts(): boolean {
    return this.#pod.spec.restartPolicy === 'Never';
  }

  #graceMs(): number {
    const { deletionGracePeriodSeconds } = this.#pod.metadata;
    const graceMs = 1000 * (deletionGracePeriodSeconds ?? this.#pod.spec.terminationGracePeriodSeconds ?? 30);
    return Math.min(graceMs, this.#longestGraceMs);
  }

  #leftMs(graceMs: number): number {
    const { deletionTimestamp } = this.#pod.metadata;
    if (deletionTimestamp === undefined) return graceMs;
    return Math.min(graceMs, Math.max(minGraceMs, parseTime(deletionTimestamp) - this.#nowMs));
  }

  #wakeAt(atMs: number): void {
    this.#wakeAtMs = Math.min(this.#wakeAtMs ?? Infinity, atMs);
  }
}

function hasStarted(view: ContainerView): boolean {
  return view.current !== undefined;
}

function failed(view: ContainerView): boolean {
  return view.current?.type === 'exited' && view.current.exitCode !== 0;
}
