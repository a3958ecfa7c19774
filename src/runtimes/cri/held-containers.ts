import { containerIdKey, type ContainerId, type ContainerState, type ExitedContainer } from '../runtime.ts';
import type { Claim } from './files.ts';

/** One attempt that was started. */
export interface HeldContainer {
  readonly id: ContainerId;
  readonly claim: Claim;
  state: ContainerState;
  /** Called once when it ends: readers of its log, orders to stop it. */
  readonly whenEnded: Set<() => void>;
}

/** All containers in memory, by id and by Pod. */
export class HeldContainers {
  readonly #held = new Map<string, HeldContainer>();
  readonly #pods = new Map<string, Set<HeldContainer>>();
  readonly #running = new Set<HeldContainer>();

  get(id: ContainerId): HeldContainer | undefined {
    return this.#held.get(containerIdKey(id));
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

  hasPod(uid: string): boolean {
    return this.#pods.has(uid);
  }

  ofPod(uid: string): readonly HeldContainer[] {
    return [...(this.#pods.get(uid) ?? [])];
  }

  addPod(uid: string): void {
    if (!this.#pods.has(uid)) this.#pods.set(uid, new Set());
  }

  removePod(uid: string): void {
    for (const container of this.ofPod(uid)) {
      this.#held.delete(containerIdKey(container.id));
      this.#running.delete(container);
      endNow(container);
    }
    this.#pods.delete(uid);
  }

  add(claim: Claim, state: ContainerState): HeldContainer {
    const container: HeldContainer = { id: state.id, claim, state, whenEnded: new Set() };
    this.#held.set(containerIdKey(state.id), container);
    this.addPod(state.id.podUid);
    this.#pods.get(state.id.podUid)?.add(container);
    if (state.type === 'running') this.#running.add(container);
    return container;
  }

  /** False if its end was known. */
  end(container: HeldContainer, state: ExitedContainer): boolean {
    if (!this.#running.delete(container)) return false;
    container.state = state;
    endNow(container);
    return true;
  }
}

function endNow(container: HeldContainer): void {
  const calls = [...container.whenEnded];
  container.whenEnded.clear();
  for (const call of calls) call();
}
