import type { ContainerId, ContainerState, ExitedContainer } from '../runtime.ts';
import { containerFiles, parseToken, reasonOf, tokenOf, type ExitRecord, type Layout } from './layout.ts';
import type { Claim } from './processes.ts';
import { terminationMessage } from './termination-message.ts';

/** One container attempt that has files here. */
export interface HeldContainer {
  readonly token: string;
  state: ContainerState;
  /** As far as it was needed and read. */
  claim: Claim | undefined;
  /** What started it, as long as its spawner may still lose that: forgotten once its claim was seen. */
  startText: string | undefined;
  /** Readers that follow its log; most containers have none. */
  whenEnded: Set<() => void> | undefined;
}

/** All containers in memory, by token and by Pod. Knows files only by name. */
export class Containers {
  readonly #layout: Layout;
  readonly #runtimeName: string;
  readonly #held = new Map<string, HeldContainer>();
  readonly #pods = new Map<string, Set<string>>();
  readonly #running = new Set<HeldContainer>();

  constructor(layout: Layout, runtimeName: string) {
    this.#layout = layout;
    this.#runtimeName = runtimeName;
  }

  get(id: ContainerId): HeldContainer | undefined {
    return this.#held.get(tokenOf(id));
  }

  all(): readonly ContainerState[] {
    return [...this.#held.values()].map(({ state }) => state);
  }

  running(): readonly HeldContainer[] {
    return [...this.#running];
  }

  podUids(): readonly string[] {
    return [...this.#pods.keys()];
  }

  ofPod(uid: string): readonly HeldContainer[] {
    return [...(this.#pods.get(uid) ?? [])].map((token) => this.#held.get(token)!);
  }

  addPod(uid: string): void {
    if (!this.#pods.has(uid)) this.#pods.set(uid, new Set());
  }

  hasPod(uid: string): boolean {
    return this.#pods.has(uid);
  }

  removePod(uid: string): void {
    for (const container of this.ofPod(uid)) {
      this.#held.delete(container.token);
      this.#running.delete(container);
      for (const call of container.whenEnded ?? []) call();
    }
    this.#pods.delete(uid);
  }

  addRunning(id: ContainerId, startedAtMs: number, startText: string | undefined): HeldContainer {
    const container = this.#add({ type: 'running', id, runtimeId: this.#runtimeId(id), startedAtMs }, startText);
    this.#running.add(container);
    return container;
  }

  /** Takes over an exit record; undefined if it was known, or its Pod is not. */
  recordExit(record: ExitRecord, fileTimeMs: number): { container: HeldContainer; state: ExitedContainer } | undefined {
    let container = this.#held.get(record.token);
    if (container?.state.type === 'exited') return undefined;
    const id = container?.state.id ?? parseToken(record.token);
    if (id === undefined || !this.#pods.has(id.podUid)) return undefined;
    const state = this.#exited(id, record, fileTimeMs);
    container ??= this.#add(state, undefined);
    container.state = state;
    container.startText = undefined;
    container.claim = undefined;
    this.#running.delete(container);
    for (const call of container.whenEnded ?? []) call();
    return { container, state };
  }

  #add(state: ContainerState, startText: string | undefined): HeldContainer {
    const token = tokenOf(state.id);
    const container: HeldContainer = { token, state, claim: undefined, startText, whenEnded: undefined };
    this.#held.set(token, container);
    this.addPod(state.id.podUid);
    this.#pods.get(state.id.podUid)!.add(token);
    return container;
  }

  #runtimeId(id: ContainerId): string {
    return `rondo-${this.#runtimeName}://${tokenOf(id)}`;
  }

  #exited(id: ContainerId, record: ExitRecord, fileTimeMs: number): ExitedContainer {
    const files = containerFiles(this.#layout, id);
    const message = terminationMessage(files, record);
    const signal = signalOf(record);
    return {
      type: 'exited',
      id,
      runtimeId: this.#runtimeId(id),
      startedAtMs: record.startedAtMs,
      // File times come from a coarser clock and may lie a few milliseconds back.
      finishedAtMs: Math.max(record.startedAtMs, fileTimeMs),
      exitCode: record.exitCode,
      ...(signal === undefined ? {} : { signal }),
      reason: reasonOf(record),
      ...(message === undefined ? {} : { message }),
    };
  }
}

/** A shell reports a signal as 128 + its number, and cannot tell it from a program that exits with that code itself. */
function signalOf({ kind, exitCode }: ExitRecord): number | undefined {
  return (kind === 'ended' || kind === 'oomKilled') && exitCode > 128 && exitCode <= 128 + 31
    ? exitCode - 128
    : undefined;
}
