import { isConflict, isNotFound, refOf, resources, type Pod, type PodStatus } from '../api/index.ts';
import type { ControllerContext, EventRecorder } from '../controlloop/index.ts';
import { RuntimeError, type Runtime } from '../runtimes/index.ts';
import { admitted } from './pod-admission.ts';
import type { Answer } from './probes/index.ts';
import { containerAsker, type ContainerAsker } from './container-asker.ts';
import { ContainerStopper } from './container-stopper.ts';
import { containerFieldPath, isRunning, type ContainerView } from './container-view.ts';
import { containerRequest } from './container-request.ts';
import { containerSources } from './container-sources.ts';
import type { ContainerSources } from './environment.ts';
import { HealthKeeper } from './health-keeper.ts';
import { crashLoopMessage, podStatus } from './pod-status.ts';
import { podAddressOf } from './pod-address.ts';
import { asRun, withKubeconfig, type ServerFor } from './pod-identity.ts';
import { planPod, type PodPlan } from './pod-plan.ts';
import { ServiceAccountTokens } from './service-account-tokens.ts';
import { signatureOf } from './status-signature.ts';
import { checkStorageLimits } from './storage-limits.ts';
import { VolumeRefresher } from './volume-refresher.ts';
import { ImageKeeper } from './image-keeper.ts';
import type { Rejection } from './node-resources.ts';
import { memoryOf, newRecord, nextAttempt, targetOf, viewsOf, type PodRecord } from './pod-records.ts';
import { volumeContents } from './volumes.ts';

const firstRetryMs = 1000;
const maxRetryMs = 60_000;

export interface PodWorkerOptions {
  readonly runtimeFor: (pod: Pod) => Runtime | undefined;
  /** Something about a Pod has changed outside the API: look at it again. */
  readonly wake: (podUid: string) => void;
  /** A container is about to start from this image. */
  readonly onImageUse: (imageId: string) => void;
  /** Where the containers of a Pod reach the API server. */
  readonly serverFor: ServerFor;
}

/**
 * Drives one Pod at a time one step towards what its plan says: stops and starts containers, writes the status, deletes
 * the object when a deletion is done. The thin acting place of this room.
 */
export class PodWorker {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #runtimeFor: (pod: Pod) => Runtime | undefined;
  readonly #records = new Map<string, PodRecord>();
  readonly #health: HealthKeeper;
  readonly #stopper: ContainerStopper;
  readonly #volumes: VolumeRefresher;
  readonly #images: ImageKeeper;
  readonly #wake: (podUid: string) => void;
  readonly #serverFor: PodWorkerOptions['serverFor'];
  readonly #tokens: ServiceAccountTokens;

  constructor(context: ControllerContext, options: PodWorkerOptions) {
    const { clock, log } = context;
    this.#context = context;
    this.#recorder = context.recorderFor('kubelet');
    this.#runtimeFor = options.runtimeFor;
    this.#wake = options.wake;
    this.#serverFor = options.serverFor;
    this.#tokens = new ServiceAccountTokens(context);
    this.#health = new HealthKeeper({ clock, recorder: this.#recorder, wake: options.wake });
    this.#stopper = new ContainerStopper({ clock, log, recorder: this.#recorder });
    this.#images = new ImageKeeper({
      ...{ clock, log, recorder: this.#recorder, wake: options.wake },
      onUse: options.onImageUse,
    });
    const sourcesFor = (pod: Pod, runtime: Runtime): ContainerSources => this.#sourcesFor(pod, runtime);
    this.#volumes = new VolumeRefresher({ clock, recorder: this.#recorder, sourcesFor });
  }

  /** One step for a Pod that is not finished. Gives the time at which it wants to be looked at again, if any. */
  async step(given: Pod): Promise<number | undefined> {
    const record = this.#recordOf(given);
    if (record === undefined) return undefined;
    const pod = asRun(given, record);
    let { views, plan } = this.#look(pod, record);
    if (startsNothingMore(pod, plan)) this.#images.forget(record.uid);
    for (const order of plan.stop) {
      await this.#stopper.stop(pod, record, { ...order, asker: this.#askerOf(pod, record, order.view) });
    }
    if (plan.start.length > 0) {
      for (const view of plan.start) if (!(await this.#start(pod, record, view))) break;
      await this.#awaitShortLife(record);
      ({ views, plan } = this.#look(pod, record));
    }
    if (this.#health.follow(pod, views, (view) => this.#askerOf(pod, record, view)))
      ({ views, plan } = this.#look(pod, record));
    this.#announceBackoff(pod, plan);
    const holdMs = this.#holdMs(record, plan);
    if (holdMs > 0) return Math.min(plan.wakeAtMs ?? Infinity, this.#context.clock.now() + holdMs);
    await this.#report(pod, record, { views, plan });
    if (!views.some(isRunning)) return plan.wakeAtMs;
    const { clock } = this.#context;
    const measureAtMs = await checkStorageLimits(pod, record, { clock, recorder: this.#recorder });
    return earliest(plan.wakeAtMs, measureAtMs, await this.#volumes.refresh(pod, record));
  }

  /** The Pod does not run here, and never will (kubelet's rejectPod). */
  async reject(pod: Pod, { reason, message }: Rejection): Promise<void> {
    this.#recorder.event(pod, 'Warning', reason, message);
    const rejected = { phase: 'Failed' as const, reason, message: `Pod was rejected: ${message}` };
    await this.#writeStatus(pod, (of) => ({ ...of.status, ...rejected }));
  }

  /** Lets a container that ends at once be seen as ended: nobody needs to be told that it ran. */
  async #awaitShortLife({ runtime }: PodRecord): Promise<void> {
    const { clock } = this.#context;
    if (runtime.shortLifeMs > 0) return;
    for (let turn = 0; turn < 3; turn++) await clock.yield();
  }

  /** How long the report of a start is held back, in case the end comes first. */
  #holdMs(record: PodRecord, plan: PodPlan): number {
    if (plan.over || record.startedAtMs === undefined) return 0;
    const leftMs = record.startedAtMs + record.runtime.shortLifeMs - this.#context.clock.monotonic();
    if (leftMs <= 0) record.startedAtMs = undefined;
    return leftMs;
  }

  /** Ends all probing and pulling; Pods go on. */
  async stop(): Promise<void> {
    this.#health.stop();
    for (const record of this.#records.values()) record.gone?.abort();
    await this.#images.stop();
  }

  /** Ids of the images of containers that run, or are about to. */
  imagesInUse(): readonly string[] {
    return this.#images.given();
  }

  /** A finished Pod that is being deleted needs nothing more from this node. */
  async finish(pod: Pod): Promise<void> {
    this.#forget(pod);
    if (pod.metadata.deletionTimestamp !== undefined) await this.#deleteObject(pod);
  }

  /** The object is gone: whatever of it is left here goes too. */
  async remove(pod: Pod): Promise<void> {
    const runtime = this.#records.get(pod.metadata.uid)?.runtime ?? this.#runtimeFor(pod);
    this.#forget(pod);
    await runtime?.removePod(pod.metadata.uid);
  }

  #forget(pod: Pod): void {
    this.#records.get(pod.metadata.uid)?.gone?.abort();
    this.#records.delete(pod.metadata.uid);
    this.#health.forget(pod.metadata.uid);
    this.#images.forget(pod.metadata.uid);
    this.#tokens.forget(pod.metadata.uid);
  }

  #look(pod: Pod, record: PodRecord): { readonly views: readonly ContainerView[]; readonly plan: PodPlan } {
    const views = viewsOf(pod, record, (id) => this.#health.healthOf(id));
    return { views, plan: planPod(pod, views, this.#context.clock.now(), record.eviction) };
  }

  #askerOf(pod: Pod, record: PodRecord, view: ContainerView): ContainerAsker {
    return containerAsker({ pod, view, runtime: record.runtime, clock: this.#context.clock });
  }

  #recordOf(pod: Pod): PodRecord | undefined {
    const known = this.#records.get(pod.metadata.uid);
    if (known !== undefined) return known;
    const runtime = this.#runtimeFor(pod);
    if (runtime === undefined) {
      const message = `no runtime of this node is the handler of RuntimeClass "${pod.spec.runtimeClassName}"`;
      this.#recorder.event(pod, 'Warning', 'FailedCreatePodSandBox', message);
      return undefined;
    }
    const record = newRecord(pod, runtime);
    this.#records.set(pod.metadata.uid, record);
    return record;
  }

  /** False if the Pod's other containers have to wait: its image is being pulled, or its postStart hook runs. */
  async #start(pod: Pod, record: PodRecord, view: ContainerView): Promise<boolean> {
    const { name, lifecycle } = view.container;
    const memory = memoryOf(record, name);
    try {
      if (!admitted(pod, record, view, this.#recorder)) return view.role === 'ephemeral';
      if (!record.prepared) await this.#prepare(pod, record);
      const sources = this.#sourcesFor(pod, record.runtime);
      const answer = await this.#images.ensure({ pod, view, images: record.runtime.images, sources });
      if (answer.type === 'pulling') return view.role === 'ephemeral';
      if (answer.type === 'waiting') {
        memory.waiting = answer.waiting;
        return true;
      }
      const next = nextAttempt(view);
      const { request, revealed } = await containerRequest(pod, { ...view, attempt: next.attempt }, sources);
      for (const variable of revealed) this.#warnOfSecretArgument(pod, name, variable);
      // The Pod may have been removed meanwhile: nobody would end what started now.
      if (this.#records.get(record.uid) !== record) return false;
      await record.runtime.startContainer({ ...request, ...targetOf(record, view), image: answer.image });
      record.stopping.delete(name);
      record.startedAtMs = this.#context.clock.monotonic();
      Object.assign(memory, next, { waiting: undefined, failures: 0, postStart: undefined });
      this.#event(pod, name, { reason: 'Created', message: `Container created: ${name}` });
      this.#event(pod, name, { reason: 'Started', message: `Container started: ${name}` });
      if (lifecycle?.postStart === undefined) return true;
      this.#runPostStart(pod, record, { ...view, attempt: next.attempt });
      return false;
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      // What its containers share may have gone.
      if (error.reason === 'RunContainerError') record.prepared = false;
      this.#wait(pod, record, { view, error });
      return true;
    }
  }

  /** Its container counts as started when the hook is over; a hook that fails ends the container. */
  #runPostStart(pod: Pod, record: PodRecord, view: ContainerView): void {
    const { name, lifecycle } = view.container;
    const hook = lifecycle?.postStart;
    if (hook === undefined) return;
    const memory = memoryOf(record, name);
    memory.postStart = 'running';
    const settle = ({ result }: Answer): void => {
      if (memory.attempt !== view.attempt) return;
      memory.postStart = result === 'failure' ? 'failed' : undefined;
      if (result === 'failure')
        this.#event(pod, name, { type: 'Warning', reason: 'FailedPostStartHook', message: 'PostStartHook failed' });
      this.#wake(pod.metadata.uid);
    };
    this.#askerOf(pod, record, view)
      .hook(hook, goneSignal(record))
      .then(settle, (error: unknown) =>
        this.#context.log.error('postStart hook broke', { pod: pod.metadata.name, error }),
      );
  }

  async #prepare(pod: Pod, record: PodRecord): Promise<void> {
    const { runtime } = record;
    try {
      const sources = this.#sourcesFor(pod, runtime);
      const contents = withKubeconfig(pod, await volumeContents(pod, sources), { runtime, server: sources.server });
      const notes = await runtime.preparePod(pod, contents);
      for (const { reason, message } of notes) this.#recorder.event(pod, 'Warning', reason, message);
      record.prepared = true;
      record.address = podAddressOf(pod, runtime);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      if (error.reason === 'FailedCreatePodSandBox')
        this.#recorder.event(pod, 'Warning', error.reason, `Failed to create pod sandbox: ${error.message}`);
      else this.#recorder.event(pod, 'Warning', 'FailedMount', `MountVolume.SetUp failed: ${error.message}`);
      throw new RuntimeError('ContainerCreating', error.message, { cause: error });
    }
  }

  #wait(pod: Pod, record: PodRecord, failure: { readonly view: ContainerView; readonly error: RuntimeError }): void {
    const memory = memoryOf(record, failure.view.container.name);
    if (failure.error.reason === 'ErrImagePull') {
      memory.waiting = this.#images.failed({ pod, view: failure.view }, failure.error);
      return;
    }
    const retryAtMs = this.#context.clock.now() + Math.min(firstRetryMs * 2 ** memory.failures, maxRetryMs);
    memory.failures += 1;
    const { reason, message } = failure.error;
    memory.waiting = { reason, message, retryAtMs };
    if (reason !== 'ContainerCreating')
      this.#event(pod, failure.view.container.name, {
        type: 'Warning',
        reason: 'Failed',
        message: `Error: ${message}`,
      });
  }

  /** The manifest asks for it and a cluster would do it; but whoever may list processes can read it. */
  #warnOfSecretArgument(pod: Pod, container: string, variable: string): void {
    const message = `$(${variable}) puts a value from a Secret into the arguments of the process, where others can read it`;
    this.#event(pod, container, { type: 'Warning', reason: 'SecretInArguments', message });
  }

  #sourcesFor(pod: Pod, runtime: Runtime): ContainerSources {
    const { client } = this.#context;
    return containerSources(pod, {
      client,
      tokens: this.#tokens,
      runtime,
      server: this.#serverFor(runtime.podAddress(pod.metadata.uid)),
    });
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
    // Before anybody hears that it is over, so that an engine that dies between does it again.
    if (now.plan.over) await record.runtime.endPod?.(record.uid);
    const { hostAddress } = record.runtime.capabilities;
    const context = { hostAddress, podAddress: record.address, nowMs: this.#context.clock.now() };
    const signature = signatureOf(record, now);
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
    const fieldPath = containerFieldPath(pod, container);
    this.#recorder.event(pod, event.type ?? 'Normal', event.reason, event.message, { fieldPath });
  }
}

/** Most Pods never need one, and aborting it is not cheap. */
function goneSignal(record: PodRecord): AbortSignal {
  record.gone ??= new AbortController();
  return record.gone.signal;
}

/** It is being deleted or ended: whatever its containers still waited for is of no use. */
function startsNothingMore(pod: Pod, plan: PodPlan): boolean {
  return pod.metadata.deletionTimestamp !== undefined || plan.ending !== undefined || plan.over;
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
