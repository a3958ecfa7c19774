import {
  isConflict,
  isNotFound,
  refOf,
  resources,
  type ConfigMap,
  type KubeObject,
  type Pod,
  type PodStatus,
  type Resource,
  type Secret,
} from '../api/index.ts';
import type { ControllerContext, EventRecorder } from '../controlloop/index.ts';
import { RuntimeError, type ContainerRequest, type Runtime } from '../runtimes/index.ts';
import { containerId, type ContainerView } from './container-view.ts';
import { expand, resolveEnvironment, type ContainerSources } from './environment.ts';
import { crashLoopMessage, podStatus } from './pod-status.ts';
import { planPod, type PodPlan } from './pod-plan.ts';
import { memoryOf, newRecord, nextAttempt, viewsOf, type PodRecord } from './pod-records.ts';
import { unsupportedFields } from './unsupported-fields.ts';
import { volumeContents } from './volumes.ts';

const firstRetryMs = 1000;
const maxRetryMs = 60_000;

/**
 * Drives one Pod at a time one step towards what its plan says: stops and starts containers, writes the status, deletes
 * the object when a deletion is done. The thin acting place of this room.
 */
export class PodWorker {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #runtimeFor: (pod: Pod) => Runtime | undefined;
  readonly #records = new Map<string, PodRecord>();

  constructor(context: ControllerContext, runtimeFor: (pod: Pod) => Runtime | undefined) {
    this.#context = context;
    this.#recorder = context.recorderFor('kubelet');
    this.#runtimeFor = runtimeFor;
  }

  /** One step for a Pod that is not finished. Gives the time at which it wants to be looked at again, if any. */
  async step(pod: Pod): Promise<number | undefined> {
    const record = this.#recordOf(pod);
    if (record === undefined) return undefined;
    let views = viewsOf(pod, record);
    let plan = planPod(pod, views, this.#context.clock.now());
    for (const view of plan.stop) await this.#stop(pod, record, { view, graceMs: plan.stopGraceMs });
    if (plan.start.length > 0) {
      for (const view of plan.start) await this.#start(pod, record, view);
      views = viewsOf(pod, record);
      plan = planPod(pod, views, this.#context.clock.now());
    }
    this.#announceBackoff(pod, plan);
    await this.#report(pod, record, { views, plan });
    return plan.wakeAtMs;
  }

  /** A finished Pod that is being deleted needs nothing more from this node. */
  async finish(pod: Pod): Promise<void> {
    this.#records.delete(pod.metadata.uid);
    if (pod.metadata.deletionTimestamp !== undefined) await this.#deleteObject(pod);
  }

  /** The object is gone: whatever of it is left here goes too. */
  async remove(pod: Pod): Promise<void> {
    const runtime = this.#records.get(pod.metadata.uid)?.runtime ?? this.#runtimeFor(pod);
    this.#records.delete(pod.metadata.uid);
    await runtime?.removePod(pod.metadata.uid);
  }

  #recordOf(pod: Pod): PodRecord | undefined {
    const known = this.#records.get(pod.metadata.uid);
    if (known !== undefined) return known;
    const runtime = this.#runtimeFor(pod);
    if (runtime === undefined) {
      const message = `no runtime of this node is named "${pod.spec.runtimeClassName}"`;
      this.#recorder.event(pod, 'Warning', 'FailedCreatePodSandBox', message);
      return undefined;
    }
    const record = newRecord(pod, runtime);
    this.#records.set(pod.metadata.uid, record);
    return record;
  }

  async #stop(
    pod: Pod,
    record: PodRecord,
    stop: { readonly view: ContainerView; readonly graceMs: number },
  ): Promise<void> {
    const { name } = stop.view.container;
    const told = record.stopping.get(name);
    if (told !== undefined && told <= stop.graceMs) return;
    record.stopping.set(name, stop.graceMs);
    if (told === undefined) this.#event(pod, name, { reason: 'Killing', message: `Stopping container ${name}` });
    await record.runtime.stopContainer(containerId(pod, stop.view), stop.graceMs);
  }

  async #start(pod: Pod, record: PodRecord, view: ContainerView): Promise<void> {
    const { name } = view.container;
    const memory = memoryOf(record, name);
    try {
      if (!this.#admitted(pod, record)) return;
      const sources = this.#sourcesFor(pod, record.runtime);
      if (!record.prepared) await this.#prepare(pod, record, sources);
      const next = nextAttempt(view);
      const request = await this.#request(pod, { ...view, attempt: next.attempt }, sources);
      await record.runtime.startContainer(request);
      Object.assign(memory, next, { waiting: undefined, failures: 0 });
      this.#event(pod, name, { reason: 'Created', message: `Container created: ${name}` });
      this.#event(pod, name, { reason: 'Started', message: `Container started: ${name}` });
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      this.#wait(pod, record, { container: name, error });
    }
  }

  /** A refusal lasts as long as the Pod: what it asks for cannot change. */
  #admitted(pod: Pod, record: PodRecord): boolean {
    if (record.admission === undefined) {
      record.admission = record.runtime.admit(pod);
      const { admission } = record;
      if (admission.type === 'accept') {
        for (const note of admission.announce) this.#recorder.event(pod, 'Warning', note.reason, note.message);
        for (const text of unsupportedFields(pod)) this.#recorder.event(pod, 'Warning', 'UnsupportedField', text);
      } else this.#recorder.event(pod, 'Warning', 'Failed', `Error: ${admission.message}`);
    }
    if (record.admission.type === 'accept') return true;
    const { reason, message } = record.admission;
    for (const memory of record.containers.values()) memory.waiting ??= { reason, message };
    return false;
  }

  async #prepare(pod: Pod, record: PodRecord, sources: ContainerSources): Promise<void> {
    try {
      await record.runtime.preparePod(pod, await volumeContents(pod, sources));
      record.prepared = true;
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      this.#recorder.event(pod, 'Warning', 'FailedMount', `MountVolume.SetUp failed: ${error.message}`);
      throw new RuntimeError('ContainerCreating', error.message, { cause: error });
    }
  }

  #wait(pod: Pod, record: PodRecord, failure: { readonly container: string; readonly error: RuntimeError }): void {
    const memory = memoryOf(record, failure.container);
    const retryAtMs = this.#context.clock.now() + Math.min(firstRetryMs * 2 ** memory.failures, maxRetryMs);
    memory.failures += 1;
    memory.waiting = { reason: failure.error.reason, message: failure.error.message, retryAtMs };
    if (failure.error.reason !== 'ContainerCreating')
      this.#event(pod, failure.container, {
        type: 'Warning',
        reason: 'Failed',
        message: `Error: ${failure.error.message}`,
      });
  }

  async #request(pod: Pod, view: ContainerView, sources: ContainerSources): Promise<ContainerRequest> {
    const { container } = view;
    const env = await resolveEnvironment(pod, container, sources);
    const entries = new Map(env.map((entry) => [entry.name, entry]));
    const secrets = new Set<string>();
    const expandAll = (texts: readonly string[] = []): readonly string[] =>
      texts.map((text) =>
        expand(text, (name) => {
          const entry = entries.get(name);
          if (entry?.secret === true) secrets.add(name);
          return entry?.value;
        }),
      );
    const request = {
      id: containerId(pod, view),
      pod,
      container,
      env,
      command: expandAll(container.command),
      args: expandAll(container.args),
    };
    for (const name of secrets) this.#warnOfSecretArgument(pod, container.name, name);
    return request;
  }

  /** The manifest asks for it and a cluster would do it; but whoever may list processes can read it. */
  #warnOfSecretArgument(pod: Pod, container: string, variable: string): void {
    const message = `$(${variable}) puts a value from a Secret into the arguments of the process, where others can read it`;
    this.#event(pod, container, { type: 'Warning', reason: 'SecretInArguments', message });
  }

  #sourcesFor(pod: Pod, runtime: Runtime): ContainerSources {
    const { client } = this.#context;
    const find = async <T extends KubeObject>(resource: Resource<T>, name: string): Promise<T | undefined> => {
      try {
        return await client.get(resource, { namespace: pod.metadata.namespace, name });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    };
    return {
      configMap: (name) => find<ConfigMap>(resources.configMaps, name),
      secret: (name) => find<Secret>(resources.secrets, name),
      allocatable: runtime.capabilities,
      hostAddress: runtime.capabilities.podAddress,
      podAddress: runtime.capabilities.podAddress,
    };
  }

  #announceBackoff(pod: Pod, plan: PodPlan): void {
    for (const [view, { delayMs }] of plan.backingOff) {
      const text = crashLoopMessage(pod, view, delayMs).replace(/^back-off \S+/, 'Back-off');
      this.#event(pod, view.container.name, { type: 'Warning', reason: 'BackOff', message: text });
    }
  }

  async #report(
    pod: Pod,
    record: PodRecord,
    now: { readonly views: readonly ContainerView[]; readonly plan: PodPlan },
  ): Promise<void> {
    const address = record.runtime.capabilities.podAddress;
    const context = { hostAddress: address, podAddress: address, nowMs: this.#context.clock.now() };
    const signature = signatureOf(now.views, now.plan);
    let reported = pod;
    if (signature !== record.written) {
      const statusFor = (of: Pod): PodStatus => podStatus(of, now.views, now.plan, context);
      reported = await this.#writeStatus(pod, statusFor);
      record.written = signature;
    }
    if (now.plan.over && reported.metadata.deletionTimestamp !== undefined) await this.#deleteObject(reported);
  }

  /** Writes against the cached version; whoever else writes to Pods (binding, finalizers) makes it read and try again. */
  async #writeStatus(pod: Pod, statusFor: (pod: Pod) => PodStatus): Promise<Pod> {
    const { client } = this.#context;
    let base = pod;
    for (let attempt = 0; ; attempt++) {
      try {
        return await client.updateStatus(resources.pods, { ...base, status: statusFor(base) });
      } catch (error) {
        if (isNotFound(error)) return base;
        if (!isConflict(error) || attempt >= 5) throw error;
        const live = await client.get(resources.pods, refOf(pod)).catch((cause: unknown) => {
          if (isNotFound(cause)) return undefined;
          throw cause;
        });
        if (live === undefined || live.metadata.uid !== pod.metadata.uid) return base;
        base = live;
      }
    }
  }

  async #deleteObject(pod: Pod): Promise<void> {
    try {
      const preconditions = { uid: pod.metadata.uid };
      await this.#context.client.delete(resources.pods, refOf(pod), { gracePeriodSeconds: 0, preconditions });
    } catch (error) {
      // Gone, or replaced by another one of that name.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  #event(
    pod: Pod,
    container: string,
    event: { readonly type?: 'Warning'; readonly reason: string; readonly message: string },
  ): void {
    const isInit = (pod.spec.initContainers ?? []).some(({ name }) => name === container);
    const fieldPath = `spec.${isInit ? 'initContainers' : 'containers'}{${container}}`;
    this.#recorder.event(pod, event.type ?? 'Normal', event.reason, event.message, { fieldPath });
  }
}

/** Everything in a status that can differ between two reports, in short: equal signatures need no second write. */
function signatureOf(views: readonly ContainerView[], plan: PodPlan): string {
  const parts = views.map((view) => {
    const exit = view.current?.type === 'exited' ? view.current.exitCode : '';
    const backingOff = plan.backingOff.get(view)?.delayMs ?? '';
    const waiting = view.waiting === undefined ? '' : `${view.waiting.reason} ${view.waiting.message}`;
    return `${view.attempt} ${view.current?.type ?? ''} ${exit} ${backingOff} ${waiting}`;
  });
  return [plan.over, plan.ending?.reason ?? '', ...parts].join('\n');
}
