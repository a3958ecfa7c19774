import type { Duplex } from 'node:stream';
import type { Pod } from '../../api/index.ts';
import type { Clock } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import type { HeldImage, RuntimeImages } from '../image-service.ts';
import type {
  Admission,
  Announcement,
  Capabilities,
  ContainerId,
  ContainerRequest,
  Runtime,
  VolumeContent,
} from '../runtime.ts';
import type { ExecPlan } from './exec.ts';
import type { ExitKind, ExitRecord, Layout, PodFiles } from './layout.ts';

/** Either the text for the spawner, or why the command cannot be executed: that ends the container with StartError. */
export type StartPlan = { readonly fallbackToLogs: boolean; readonly startedAtMs: number } & (
  { readonly type: 'start'; readonly text: string } | { readonly type: 'fail'; readonly message: string }
);

/** What of a Pod runs here now. */
export interface RunningContainers {
  readonly ofPod: (podUid: string) => readonly ContainerId[];
  /** The main process of a container; undefined if it does not run. */
  readonly processOf: (id: ContainerId) => number | undefined;
}

/** What one runtime of wrapped processes makes of them. All that lies in files is repeatable, for engines are killed. */
export interface RuntimeStyle {
  /** As in `--runtime`. */
  readonly name: string;
  readonly capabilities: Capabilities;
  /** For tests: the way of a poorer machine. */
  readonly shell?: 'setsid' | undefined;
  /** The compiled starter that its plans speak to; undefined after `probe`: they are for a shell. */
  readonly starterPath?: (() => string | undefined) | undefined;
  /** See `TerminatorOptions`. */
  readonly reach: 'marked' | 'group';
  /** Finds out what this machine can do, before anything else is asked; the answer is for the log. */
  probe(layout: Layout, context: { readonly clock: Clock; readonly log: Logger }): Promise<Record<string, unknown>>;
  admit(pod: Pod): Admission;
  /** See `Runtime`. */
  readonly identityOf?: Runtime['identityOf'];
  /** After the volumes were written; see `Runtime.preparePod`. */
  preparePod(pod: Pod, files: PodFiles, volumes: readonly VolumeContent[]): Promise<readonly Announcement[]>;
  /** As in `Runtime`; without it all Pods have the host's network. */
  podAddress?(podUid: string): string | undefined;
  /** As in `Runtime`. */
  endPod?(podUid: string, files: PodFiles): Promise<void>;
  /** A connection to a port that somebody listens on in the Pod's own network; undefined if it has none. */
  dial?(podUid: string, port: number): Duplex | undefined;
  /** When the engine stops: after this no command is started any more. */
  stop?(): Promise<void>;
  /** As `Runtime.images`. */
  readonly images?: RuntimeImages | undefined;
  /** @throws RuntimeError for a container that must not be started as it is */
  plan(request: ContainerRequest, startedAtMs: number, running: RunningContainers): StartPlan;
  /** How a command gets in beside a container's main process. @throws RuntimeError if it cannot */
  exec(id: ContainerId, pid: number, command: readonly string[]): ExecPlan;
  stopSignal(id: ContainerId): NodeJS.Signals;
  /** As `Runtime.imageOf`. */
  imageOf?(id: ContainerId): HeldImage | undefined;
  /** Whether more is known about an exit than its wrapper could tell; asked before `release`. */
  kindOf(record: ExitRecord): ExitKind;
  /** The container has ended: what was made for it alone goes. */
  release(id: ContainerId): void;
  /** Its processes have gone: what was made for the Pod goes, but for `files`. */
  removePod(podUid: string, ids: readonly ContainerId[], files: PodFiles): Promise<void>;
  /** After a start: removes what belongs to Pods that are no longer held. */
  adopt(isHeld: (podUid: string) => boolean): Promise<void>;
}
