import type { Duplex, Readable, Writable } from 'node:stream';
import type { Container, Pod } from '../api/index.ts';
import type { HeldImage, RuntimeImages } from './image-service.ts';

/**
 * Runs the containers of Pods on this machine. Knows no cluster: the node agent decides what runs when, and tells it.
 *
 * Rules that every runtime keeps (the contract suite checks them):
 * - Containers outlive the engine. After `kill -9` and a new start, `start()` finds them again, with their exits.
 * - A `ContainerId` is started at most once, ever: a second `startContainer` for it is no error, and starts nothing.
 * - An exit that was recorded is never lost and never changes. A container whose exit can no longer be known is
 *   reported with exit code 137 and reason ContainerStatusUnknown.
 */
export interface Runtime {
  /** As in `--runtime`. */
  readonly name: string;
  /** For the Node object: `rondo-process://0.1.0`. */
  readonly version: string;
  readonly capabilities: Capabilities;
  /**
   * How long after a start a container may have ended already, in milliseconds: so long its Pod is not reported as
   * running, which saves a short one a third of its writes. 0: only in the turns right after the start.
   */
  readonly shortLifeMs: number;
  /** Probes the machine, adopts what runs, begins to watch for exits. Must be called first. */
  start(): Promise<void>;
  /** Lets go of everything; containers go on. */
  stop(): Promise<void>;
  /**
   * Says what it cannot do for this Pod before anything is started. `refuse`: starting would be harmful or cannot
   * work (reason and message for the container's waiting state); `announce`: the Pod runs, an Event tells the limits.
   * For an ephemeral container it is asked again, with a Pod that has no other.
   */
  admit(pod: Pod): Admission;
  /**
   * How containers of a Pod get the volume that every Pod has without asking, with the token of its ServiceAccount:
   * `mounted` where its mounts say, only as `files` that the environment points to, or not at all (`none`). Absent:
   * mounted.
   */
  identityOf?(pod: Pod): 'mounted' | 'files' | 'none';
  /**
   * Makes what the containers of a Pod share (directories, volumes, network). Repeatable; volumes hold these files
   * afterwards. Gives what the Pod has to do without, for an Event.
   * @throws RuntimeError FailedCreatePodSandBox if its network cannot be made, others for its volumes
   */
  preparePod(pod: Pod, volumes: readonly VolumeContent[]): Promise<readonly Announcement[]>;
  /** The address of a Pod, from `preparePod` until `endPod`; undefined: none yet, or it asked for the host's network. */
  podAddress(podUid: string): string | undefined;
  /**
   * No container of the Pod runs, and none will be started: what only running ones need goes, at once or beside; a later
   * engine knows it. Logs and exits stay. Repeatable.
   */
  endPod?(podUid: string): Promise<void>;
  /** @throws RuntimeError with a reason for the container's waiting state */
  startContainer(request: ContainerRequest): Promise<ContainerState>;
  /** TERM now, KILL after the grace period. Resolves when the signal is sent, not when the container is gone. */
  stopContainer(id: ContainerId, gracePeriodMs: number): Promise<void>;
  /** The state now, from memory; undefined if never started here. */
  containerState(id: ContainerId): ContainerState | undefined;
  /** All containers that this runtime still holds, also finished ones, of Pods that were not removed. */
  containers(): readonly ContainerState[];
  /**
   * Runs one more command in a running container, with its environment, user and privileges; with `terminal` on a
   * terminal of its own.
   * @throws RuntimeError if the container does not run, or cannot be entered, or there are no terminals
   */
  exec?(id: ContainerId, command: readonly string[], options?: { readonly terminal: boolean }): ExecSession;
  /**
   * What a running container reads; of one with `stdinOnce` the first time only, and it ends with what is given.
   * @throws RuntimeError if it reads nothing (any more)
   */
  openInput?(id: ContainerId): Writable;
  /**
   * Runs a command in a running container to its end, or until the signal ends it, without input; gives what it wrote
   * to both streams. For runtimes whose `exec` cannot end what it has begun.
   * @throws (rejects) RuntimeError as `exec`; whatever it likes when the signal is aborted
   */
  execToEnd?(id: ContainerId, command: readonly string[], signal: AbortSignal): Promise<FinishedCommand>;
  /** A connection to a port of a Pod, for whoever may not reach it by itself; fails as connections do. */
  dial?(podUid: string, port: number): Duplex;
  /** How much a volume of a Pod takes on disk now; 0 if there is none of this name. */
  volumeBytes?(podUid: string, volume: string): Promise<number>;
  /** What a Pod takes on disk beside its volumes. */
  ephemeralBytes?(podUid: string): Promise<EphemeralBytes>;
  /** What each running container uses, by `containerIdKey`; those of which nothing is known are missing. */
  usage?(): Promise<ReadonlyMap<string, ContainerUsage>>;
  /** The images that containers of this runtime need before they can start; without it they need none. */
  readonly images?: RuntimeImages | undefined;
  /** The image that a container was started from; undefined if it is this machine's own files. */
  imageOf?(id: ContainerId): HeldImage | undefined;
  /** Answers probes instead of the containers, where they cannot be asked. Without it the node agent asks them. */
  answerProbe?(id: ContainerId, kind: 'startup' | 'liveness' | 'readiness'): 'success' | 'failure';
  /** Called once for each exit, also those that happened while the engine was away (after `start`). One listener. */
  onExit(listener: (state: ContainerState) => void): void;
  /** Reads a container's log, also while it runs and after it ended, until `removePod`. */
  readLog(id: ContainerId, options: ReadLogOptions): AsyncIterable<Uint8Array>;
  /** Kills what is left of the Pod and removes all its files, logs included. Repeatable. */
  removePod(podUid: string): Promise<void>;
  /** Uids of all Pods that have files here, for cleaning up after Pods that vanished while the engine was away. */
  podUids(): readonly string[];
}

export interface Capabilities {
  /** What the Node advertises. */
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly pods: number;
  /** The address of this machine for its Pods: `status.hostIP`, and `podIP` of those with the host's network. */
  readonly hostAddress: string;
  readonly operatingSystem: string;
  readonly architecture: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly hostname: string;
}

export type Admission =
  | { readonly type: 'accept'; readonly announce: readonly Announcement[] }
  | { readonly type: 'refuse'; readonly reason: string; readonly message: string };

export interface Announcement {
  readonly reason: string;
  readonly message: string;
}

/** One start attempt of one container: `attempt` is its restart count. */
export interface ContainerId {
  readonly podUid: string;
  readonly container: string;
  readonly attempt: number;
}

/** `uid/container/attempt` */
export function containerIdKey(id: ContainerId): string {
  return `${id.podUid}/${id.container}/${id.attempt}`;
}

/** A volume of the Pod with the files it begins with. An emptyDir has none. */
export interface VolumeContent {
  readonly name: string;
  readonly type: 'emptyDir' | 'configMap' | 'secret' | 'downwardAPI' | 'projected' | 'hostPath';
  /** For hostPath: where it lies. */
  readonly hostPath?: { readonly path: string; readonly type: string };
  /** Relative path to content and mode (for instance 0o644). Replaced as a whole when they change. */
  readonly files: ReadonlyMap<string, { readonly content: Uint8Array; readonly mode: number }>;
}

export interface ContainerRequest {
  readonly id: ContainerId;
  readonly pod: Pod;
  readonly container: Container;
  /** Whole environment, resolved: later entries win. Values may be secret: never in arguments, logs or errors. */
  readonly env: readonly EnvEntry[];
  /** Command and arguments with `$(VAR)` expanded; empty if the Pod names neither. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  /** Of an ephemeral container: the container whose processes it is to see, as if it were in there. */
  readonly target?: ContainerId;
  /** What its image was found to be, or was pulled as; where the runtime has images and the container needs one. */
  readonly image?: HeldImage | undefined;
}

export interface EnvEntry {
  readonly name: string;
  readonly value: string;
  readonly secret: boolean;
}

export type ContainerState = RunningContainer | ExitedContainer;

export interface RunningContainer {
  readonly type: 'running';
  readonly id: ContainerId;
  /** For `containerID` in the status: `rondo-process://…`. */
  readonly runtimeId: string;
  readonly startedAtMs: number;
}

export interface ExitedContainer {
  readonly type: 'exited';
  readonly id: ContainerId;
  readonly runtimeId: string;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  /** 128 + signal number when a signal ended it. */
  readonly exitCode: number;
  readonly signal?: number;
  /** `Completed`, `Error`, `OOMKilled`, `ContainerStatusUnknown`, `StartError`. */
  readonly reason: string;
  /** From terminationMessagePath (or the log's tail, by policy), at most 4096 bytes; or why it could not start. */
  readonly message?: string;
}

export interface EphemeralBytes {
  /** Of each container by name, all attempts together: logs, and what it wrote into its root if that is on disk. */
  readonly containers: ReadonlyMap<string, number>;
  /** What belongs to none of them alone. */
  readonly sharedBytes: number;
}

export interface ContainerUsage {
  /** Of all processors together, since its start. */
  readonly cpuNanos: number;
  /** What cannot be given back without harm. */
  readonly memoryBytes: number;
}

/** A command that runs in a container beside its main process. */
export interface ExecSession {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** 128 + signal number when a signal ended it. @throws RuntimeError if it could not be executed */
  readonly exitCode: Promise<number>;
  kill(): void;
  /** Of the terminal, if there is one: what it shows comes as `stdout`. */
  resize?(columns: number, rows: number): void;
}

export interface FinishedCommand {
  readonly exitCode: number;
  readonly output: string;
}

export interface ReadLogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  /** Lines before this time are left out, as far as the runtime knows the time of lines. */
  readonly sinceMs?: number;
  readonly limitBytes?: number;
  readonly signal?: AbortSignal;
  /** Called once: whatever is written from now on will be read. */
  readonly onBegin?: () => void;
}

/** Why a container could not be started: becomes its waiting state. */
export class RuntimeError extends Error {
  /** `CreateContainerConfigError`, `CreateContainerError`, `RunContainerError`, `ErrImagePull`, … */
  readonly reason: string;
  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
