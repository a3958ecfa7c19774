import type { Pod } from '../../api/index.ts';
import type { Clock, Random } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import type { HeldImage, RuntimeImages } from '../image-service.ts';
import { shapeLog, tailOffset, type LogChunk } from '../log-lines.ts';
import {
  containerIdKey,
  RuntimeError,
  type Admission,
  type Announcement,
  type Capabilities,
  type ContainerId,
  type ContainerRequest,
  type ContainerState,
  type ExitedContainer,
  type ReadLogOptions,
  type Runtime,
} from '../runtime.ts';
import { createSimulatedMachine, type SimulatedContainer, type SimulatedMachine } from './machine.ts';
import { countsStarts, probeAnswer, scriptError, scriptOf, workKey, type Script } from './script.ts';

export interface SimulatedRuntimeOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where containers live on when this runtime is stopped. Without it: a machine of its own. */
  readonly machine?: SimulatedMachine;
  /**
   * Decides instead of annotations what a start does; undefined: the annotations count. Asked once for each start, a
   * script with `cannotStart` again for each try.
   */
  readonly script?: ((request: ContainerRequest) => Partial<Script> | undefined) | undefined;
  /** Images that its containers then need. */
  readonly images?: RuntimeImages | undefined;
}

/**
 * A runtime without processes: what containers do is scripted by annotations of their Pods (script.ts), and time is
 * the Clock's. For tests and for measuring everything but processes.
 */
export function createSimulatedRuntime(options: SimulatedRuntimeOptions): Runtime {
  return new SimulatedRuntime(options);
}

/** Counters of starts are kept for this many pieces of work; the oldest go first. */
const startCounterLimit = 100_000;

const term = 15;
const kill = 9;

class SimulatedRuntime implements Runtime {
  readonly name = 'simulated';
  readonly version = 'rondo-simulated://0.1.0';
  readonly shortLifeMs = 0;
  readonly capabilities: Capabilities = {
    cpuMillis: 100_000_000,
    memoryBytes: 2 ** 47,
    pods: 100_000,
    hostAddress: '127.0.0.1',
    operatingSystem: 'linux',
    architecture: 'amd64',
    kernelVersion: 'simulated',
    osImage: 'simulated',
    hostname: 'simulated',
  };

  readonly #clock: Clock;
  readonly #machine: SimulatedMachine;
  readonly #script: SimulatedRuntimeOptions['script'];
  readonly images: RuntimeImages | undefined;
  #listener: (state: ExitedContainer) => void = () => undefined;
  #running = false;
  /** Containers that end in the next turn. */
  #due: { container: SimulatedContainer; script: Script }[] = [];

  constructor({ clock, machine, script, images }: SimulatedRuntimeOptions) {
    this.#clock = clock;
    this.images = images;
    this.#script = script;
    this.#machine = machine ?? createSimulatedMachine();
  }

  start(): Promise<void> {
    this.#running = true;
    const seen = [...this.#machine.containers.values()].map((container) => container.state);
    this.#machine.onExit = (state) => this.#listener(state);
    for (const state of seen) if (state.type === 'exited') this.#listener(state);
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#running = false;
    this.#machine.onExit = undefined;
    return Promise.resolve();
  }

  /** Nothing would use it. */
  identityOf(): 'none' {
    return 'none';
  }

  admit(pod: Pod): Admission {
    const message = scriptError(pod);
    if (message !== undefined) return { type: 'refuse', reason: 'CreateContainerConfigError', message };
    return { type: 'accept', announce: [] };
  }

  podAddress(): string {
    return this.capabilities.hostAddress;
  }

  preparePod(pod: Pod): Promise<readonly Announcement[]> {
    this.#podContainers(pod.metadata.uid);
    return Promise.resolve([]);
  }

  startContainer(request: ContainerRequest): Promise<ContainerState> {
    const { id, pod } = request;
    if (!this.#running) return Promise.reject(new RuntimeError('RunContainerError', 'the runtime is not running'));
    const key = containerIdKey(id);
    const known = this.#machine.containers.get(key);
    if (known !== undefined) return Promise.resolve(known.state);
    const decided = this.#script?.(request);
    if (decided?.cannotStart !== undefined) {
      return Promise.reject(new RuntimeError('ErrImagePull', decided.cannotStart));
    }
    const scripted = scriptOf(pod, { container: id.container, start: this.#countStart(pod, id) });
    const script = decided === undefined ? scripted : { ...scripted, ...decided };
    const container: SimulatedContainer = {
      state: { type: 'running', id, runtimeId: `rondo-simulated://${key}`, startedAtMs: this.#clock.now() },
      pod,
      image: request.image,
      asked: new Map(),
      ignoresTerm: script.ignoresTerm,
      message: script.message,
      log: Buffer.from(script.log),
      timer: undefined,
      whenEnded: [],
    };
    this.#machine.containers.set(key, container);
    this.#podContainers(id.podUid).add(key);
    this.#scheduleEnd(container, script);
    return Promise.resolve(container.state);
  }

  stopContainer(id: ContainerId, gracePeriodMs: number): Promise<void> {
    const container = this.#machine.containers.get(containerIdKey(id));
    if (container === undefined || container.state.type === 'exited') return Promise.resolve();
    if (gracePeriodMs <= 0) this.#end(container, signalled(kill));
    else if (!container.ignoresTerm) this.#end(container, signalled(term));
    else {
      const own = container.timer;
      const forced = this.#clock.after(gracePeriodMs, () => this.#end(container, signalled(kill)));
      container.timer = {
        cancel: () => {
          own?.cancel();
          forced.cancel();
        },
      };
    }
    return Promise.resolve();
  }

  containerState(id: ContainerId): ContainerState | undefined {
    return this.#machine.containers.get(containerIdKey(id))?.state;
  }

  containers(): readonly ContainerState[] {
    return [...this.#machine.containers.values()].map((container) => container.state);
  }

  imageOf(id: ContainerId): HeldImage | undefined {
    return this.#machine.containers.get(containerIdKey(id))?.image;
  }

  onExit(listener: (state: ExitedContainer) => void): void {
    this.#listener = listener;
  }

  answerProbe(id: ContainerId, kind: string): 'success' | 'failure' {
    const container = this.#machine.containers.get(containerIdKey(id));
    if (container?.state.type !== 'running') return 'failure';
    const time = container.asked.get(kind) ?? 0;
    container.asked.set(kind, time + 1);
    return probeAnswer(container.pod, { kind, time });
  }

  readLog(id: ContainerId, options: ReadLogOptions): AsyncIterable<Uint8Array> {
    const container = this.#machine.containers.get(containerIdKey(id));
    if (container === undefined) throw new RuntimeError('NotFound', `no container ${containerIdKey(id)}`);
    return shapeLog(logChunks(container, options), options);
  }

  removePod(podUid: string): Promise<void> {
    for (const key of this.#machine.pods.get(podUid) ?? []) {
      const container = this.#machine.containers.get(key);
      if (container?.state.type === 'running') this.#end(container, signalled(kill));
      this.#machine.containers.delete(key);
    }
    this.#machine.pods.delete(podUid);
    return Promise.resolve();
  }

  podUids(): readonly string[] {
    return [...this.#machine.pods.keys()];
  }

  #podContainers(uid: string): Set<string> {
    let keys = this.#machine.pods.get(uid);
    if (keys === undefined) this.#machine.pods.set(uid, (keys = new Set()));
    return keys;
  }

  #countStart(pod: Pod, id: ContainerId): number {
    if (!countsStarts(pod)) return 0;
    const { starts } = this.#machine;
    const key = workKey(pod, id.container);
    const before = starts.get(key) ?? 0;
    starts.delete(key);
    starts.set(key, before + 1);
    if (starts.size > startCounterLimit) starts.delete(starts.keys().next().value ?? '');
    return before;
  }

  #scheduleEnd(container: SimulatedContainer, script: Script): void {
    if (script.durationMs === Infinity) return;
    if (script.durationMs > 0) {
      container.timer = this.#clock.after(script.durationMs, () => this.#end(container, byItself(script)));
      return;
    }
    this.#due.push({ container, script });
    if (this.#due.length === 1) void this.#endDue();
  }

  /** One turn ends all that are due, so that a no-op container costs no timer. */
  async #endDue(): Promise<void> {
    // Under the fake clock a yield is one microtask: the second one lets the caller of startContainer go first.
    await this.#clock.yield();
    await this.#clock.yield();
    const due = this.#due;
    this.#due = [];
    for (const { container, script } of due) this.#end(container, byItself(script));
  }

  #end(container: SimulatedContainer, ending: Ending): void {
    const { state } = container;
    if (state.type === 'exited') return;
    container.timer?.cancel();
    const exited: ExitedContainer = {
      ...state,
      type: 'exited',
      finishedAtMs: Math.max(state.startedAtMs, this.#clock.now()),
      ...ending,
      ...(container.message === '' ? {} : { message: container.message.slice(0, 4096) }),
    };
    container.state = exited;
    for (const call of container.whenEnded.splice(0)) call();
    this.#machine.onExit?.(exited);
  }
}

type Ending = Pick<ExitedContainer, 'exitCode' | 'reason' | 'signal'>;

function byItself(script: Script): Ending {
  if (script.oomKilled) return { exitCode: 137, signal: kill, reason: 'OOMKilled' };
  return { exitCode: script.exitCode, reason: script.exitCode === 0 ? 'Completed' : 'Error' };
}

function signalled(signal: number): Ending {
  return { exitCode: 128 + signal, signal, reason: 'Error' };
}

async function* logChunks(container: SimulatedContainer, options: ReadLogOptions): AsyncGenerator<LogChunk> {
  const timeMs = container.state.startedAtMs;
  if (timeMs >= (options.sinceMs ?? 0)) {
    const from = options.tailLines === undefined ? 0 : tailOffset(container.log, options.tailLines);
    yield { bytes: container.log.subarray(from), timeMs };
  }
  if (!options.follow || container.state.type === 'exited' || options.signal?.aborted === true) return;
  await new Promise<void>((resolve) => {
    container.whenEnded.push(resolve);
    options.signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}
