import type { Pod } from '../api/index.ts';
import type { Clock } from '../clock/index.ts';
import type { EventRecorder } from '../controlloop/index.ts';
import { RuntimeError, type Runtime } from '../runtimes/index.ts';
import type { ContainerSources } from './environment.ts';
import { withKubeconfig } from './pod-identity.ts';
import { isRefreshable, volumeContents } from './volumes.ts';

/** As upstream's `syncFrequency`: so late may a change of a ConfigMap or Secret reach a running Pod. */
export const refreshEveryMs = 60_000;

export interface VolumeRefresherOptions {
  readonly clock: Clock;
  readonly recorder: EventRecorder;
  readonly sourcesFor: (pod: Pod, runtime: Runtime) => ContainerSources;
}

/** What it remembers of a Pod. */
export interface RefreshedVolumes {
  readonly runtime: Runtime;
  /** They were written since this engine began. */
  readonly prepared: boolean;
  /** When they were written last; undefined: not while its containers ran. */
  volumesAtMs: number | undefined;
}

/** Keeps the volumes of running Pods that are made from objects (configMap, secret, downwardAPI, projected) up to date. */
export class VolumeRefresher {
  readonly #options: VolumeRefresherOptions;

  constructor(options: VolumeRefresherOptions) {
    this.#options = options;
  }

  /** Writes what has changed, when it is time. For Pods with a running container; gives the next time, if there is one. */
  async refresh(pod: Pod, record: RefreshedVolumes): Promise<number | undefined> {
    if (!(pod.spec.volumes ?? []).some(isRefreshable)) return undefined;
    const nowMs = this.#options.clock.now();
    // After a restart of the engine nobody knows how old they are.
    record.volumesAtMs ??= record.prepared ? nowMs : nowMs - refreshEveryMs;
    if (nowMs - record.volumesAtMs >= refreshEveryMs) {
      record.volumesAtMs = nowMs;
      await this.#write(pod, record.runtime);
    }
    return record.volumesAtMs + refreshEveryMs;
  }

  /** What cannot be had any more stays as it is. */
  async #write(pod: Pod, runtime: Runtime): Promise<void> {
    const volumes = (pod.spec.volumes ?? []).filter(isRefreshable);
    try {
      const sources = this.#options.sourcesFor(pod, runtime);
      const contents = await volumeContents({ ...pod, spec: { ...pod.spec, volumes } }, sources);
      await runtime.preparePod(pod, withKubeconfig(pod, contents, { runtime, server: sources.server }));
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      this.#options.recorder.event(pod, 'Warning', 'FailedMount', `MountVolume.SetUp failed: ${error.message}`);
    }
  }
}
