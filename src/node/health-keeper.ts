import type { Pod } from '../api/index.ts';
import type { Clock } from '../clock/index.ts';
import type { EventRecorder } from '../controlloop/index.ts';
import type { ContainerId } from '../runtimes/index.ts';
import type { ContainerAsker } from './container-asker.ts';
import { containerFieldPath, isRunning, type ContainerView } from './container-view.ts';
import { ContainerProber, isProbed, type Health, type ProbeKind } from './probes/index.ts';

export interface HealthKeeperOptions {
  readonly clock: Clock;
  readonly recorder: EventRecorder;
  /** The health of one of its containers has changed: look at the Pod again. */
  readonly wake: (podUid: string) => void;
}

interface Probed {
  readonly attempt: number;
  readonly prober: ContainerProber;
}

const titles: Record<ProbeKind, string> = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' };

/** Keeps one prober for each running container that has probes. */
export class HealthKeeper {
  readonly #options: HealthKeeperOptions;
  /** Pod uid to container name. */
  readonly #probed = new Map<string, Map<string, Probed>>();

  constructor(options: HealthKeeperOptions) {
    this.#options = options;
  }

  /** What its probes say of a container; undefined if it is not probed (yet). */
  healthOf(id: ContainerId): Health | undefined {
    const probed = this.#probed.get(id.podUid)?.get(id.container);
    return probed?.attempt === id.attempt ? probed.prober.health : undefined;
  }

  /** Begins and ends probing as the containers of a Pod start and end. True if something began. */
  follow(pod: Pod, views: readonly ContainerView[], askerOf: (view: ContainerView) => ContainerAsker): boolean {
    let began = false;
    for (const view of views) {
      if (!isProbed(view.container)) continue;
      const known = this.#probedOf(pod).get(view.container.name);
      const current = isRunning(view) && !view.starting && known?.attempt === view.attempt;
      if (known !== undefined && !current) this.#end(pod, view);
      if (!current && isRunning(view) && !view.starting) {
        this.#begin(pod, view, askerOf(view));
        began = true;
      }
      if (pod.metadata.deletionTimestamp !== undefined)
        this.#probedOf(pod).get(view.container.name)?.prober.endRestarts();
    }
    return began;
  }

  /** The Pod is over or gone. */
  forget(podUid: string): void {
    for (const { prober } of this.#probed.get(podUid)?.values() ?? []) prober.stop();
    this.#probed.delete(podUid);
  }

  stop(): void {
    for (const uid of [...this.#probed.keys()]) this.forget(uid);
  }

  #probedOf(pod: Pod): Map<string, Probed> {
    const { uid } = pod.metadata;
    let probed = this.#probed.get(uid);
    if (probed === undefined) this.#probed.set(uid, (probed = new Map()));
    return probed;
  }

  #begin(pod: Pod, view: ContainerView, asker: ContainerAsker): void {
    const { clock, wake, recorder } = this.#options;
    const { container, attempt, current } = view;
    const fieldPath = containerFieldPath(pod, container.name);
    const prober = new ContainerProber({
      clock,
      container,
      startedAtMs: current?.startedAtMs ?? clock.now(),
      ask: (kind, probe, signal) => asker.probe(kind, probe, signal),
      onChange: () => wake(pod.metadata.uid),
      onUnhealthy: (kind, output) =>
        recorder.event(pod, 'Warning', 'Unhealthy', `${titles[kind]} probe failed: ${output}`, { fieldPath }),
    });
    this.#probedOf(pod).set(container.name, { attempt, prober });
  }

  #end(pod: Pod, view: ContainerView): void {
    const probed = this.#probedOf(pod);
    probed.get(view.container.name)?.prober.stop();
    probed.delete(view.container.name);
  }
}
