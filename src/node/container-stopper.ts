import type { Pod } from '../api/index.ts';
import type { Clock } from '../clock/index.ts';
import type { EventRecorder } from '../controlloop/index.ts';
import type { Logger } from '../log/index.ts';
import type { ContainerAsker } from './container-asker.ts';
import { containerFieldPath, containerId } from './container-view.ts';
import { minGraceMs, type StopOrder } from './pod-plan.ts';
import type { PodRecord } from './pod-records.ts';

export interface ContainerStopperOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly recorder: EventRecorder;
}

/** Stops containers: the preStop hook first, then TERM and KILL, all within one grace period. */
export class ContainerStopper {
  readonly #options: ContainerStopperOptions;

  constructor(options: ContainerStopperOptions) {
    this.#options = options;
  }

  /** Resolves when the hook or the signal is on its way. A second order can only make the end come earlier. */
  async stop(pod: Pod, record: PodRecord, order: StopOrder & { readonly asker: ContainerAsker }): Promise<void> {
    const { view, graceMs, leftMs = graceMs } = order;
    const { name, lifecycle } = view.container;
    const told = record.stopping.get(name);
    if (told !== undefined && told <= graceMs) return;
    record.stopping.set(name, graceMs);
    const fieldPath = containerFieldPath(pod, name);
    if (told === undefined)
      this.#options.recorder.event(pod, 'Normal', 'Killing', whyStopped(pod, order), { fieldPath });
    if (told === undefined && lifecycle?.preStop !== undefined && graceMs > 0) {
      this.#stopAfterHook(pod, record, order).catch((error: unknown) => {
        this.#options.log.error('container could not be stopped', { pod: pod.metadata.name, container: name, error });
      });
    } else await record.runtime.stopContainer(containerId(pod, view), leftMs);
  }

  async #stopAfterHook(
    pod: Pod,
    record: PodRecord,
    order: StopOrder & { readonly asker: ContainerAsker },
  ): Promise<void> {
    const { clock, recorder } = this.#options;
    const { view, asker } = order;
    const graceMs = order.leftMs ?? order.graceMs;
    const { name, lifecycle } = view.container;
    if (lifecycle?.preStop === undefined) return;
    const beganMs = clock.monotonic();
    const limit = new AbortController();
    const timer = clock.after(graceMs, () => limit.abort());
    const { result } = await asker.hook(lifecycle.preStop, limit.signal);
    timer.cancel();
    if (result === 'failure')
      recorder.event(pod, 'Warning', 'FailedPreStopHook', 'PreStopHook failed', {
        fieldPath: containerFieldPath(pod, name),
      });
    const leftMs = graceMs - (clock.monotonic() - beganMs);
    await record.runtime.stopContainer(containerId(pod, view), Math.max(minGraceMs, leftMs));
  }
}

function whyStopped(pod: Pod, { view, unfit }: StopOrder): string {
  const { name, restartPolicy = pod.spec.restartPolicy } = view.container;
  if (unfit === undefined) return `Stopping container ${name}`;
  if (unfit === 'postStart') return 'FailedPostStartHook';
  return `Container ${name} failed ${unfit} probe${restartPolicy === 'Never' ? '' : ', will be restarted'}`;
}
