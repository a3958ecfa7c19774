import type { ContainerFiles, ExecPlan, OpenInput, ProcessPrivileges } from '../wrapped/index.ts';
import type { NetworkCommands } from './network/network-commands.ts';

/** One mount inside a container's root, in this order; targets are paths as the container sees them. */
export type ContainerMount =
  | { readonly type: 'proc' | 'dev'; readonly target: string }
  | { readonly type: 'sys'; readonly target: string; readonly readOnly: boolean }
  | { readonly type: 'tmpfs'; readonly target: string; readonly options: string }
  | {
      readonly type: 'bind';
      readonly source: string;
      readonly target: string;
      readonly kind: 'directory' | 'file';
      readonly readOnly: boolean;
      readonly recursive: boolean;
    };

/** Everything an executor has to do for one container. */
export interface ContainerSpec {
  readonly files: ContainerFiles;
  /** Path up to the exit code: `exits/<token>_<startedMs>_`. */
  readonly exitPrefix: string;
  readonly podDirectory: string;
  readonly startedAtMs: number;
  /** Environment that a shell can export, secrets too. */
  readonly exports: ReadonlyMap<string, string>;
  /** Environment that only arguments can carry; never secret. */
  readonly others: ReadonlyMap<string, string>;
  /** Where the root is assembled: a directory that every container mounts over in its own namespace. */
  readonly base: string;
  /** Begin of the names of files that only the start needs; they go with the Pod. */
  readonly scratch: string;
  /** The overlay's lower directories, lowest first. The host's root is `/`. */
  readonly layers: readonly string[];
  readonly readOnlyRoot: boolean;
  readonly mounts: readonly ContainerMount[];
  /** Written into the root (content by path), unless a mount covers them. */
  readonly contents: ReadonlyMap<string, string>;
  /** Hides and fixes what /proc and /sys show of the whole machine. */
  readonly protect: boolean;
  /** Namespaces of its own, as unshare(1) names them: p m u i n. */
  readonly newNamespaces: string;
  /** Namespaces that the Pod has already: type and file. */
  readonly join: readonly { readonly type: 'uts' | 'ipc' | 'net' | 'pid'; readonly path: string }[];
  readonly hostname: string | undefined;
  /** `cgroup.procs` files. */
  readonly cgroups: readonly string[];
  readonly privileges: Privileges;
  /** What it reads; undefined: nothing. */
  readonly input: OpenInput | undefined;
  readonly workingDir: string;
  readonly command: readonly string[];
}

export interface Privileges {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Undefined: all that Rondo has. */
  readonly capabilities: readonly string[] | undefined;
  readonly noNewPrivileges: boolean;
  readonly seccomp: boolean;
}

/** Starts containers by a text for the spawner. */
export interface Executor {
  readonly name: 'shim' | 'util-linux';
  /** The text that makes the spawner start one container; every true prefix of it is incomplete for the shell. */
  startText(spec: ContainerSpec): string;
  /** How one more command gets into a running container. @throws RuntimeError if it cannot be confined as the container is */
  exec(request: ExecRequest): ExecPlan;
  /** The command that holds a Pod's namespaces; it writes `claim` as a wrapper does, then makes `ready`. */
  pauseCommand(pause: PauseSpec): readonly string[];
  /** Undefined: the programs that make networks are missing. */
  readonly network: NetworkCommands | undefined;
}

export interface ExecRequest {
  /** The container's main process. */
  readonly pid: number;
  readonly privileges: ProcessPrivileges;
  /** `cgroup.procs` files. */
  readonly cgroups: readonly string[];
  readonly command: readonly string[];
}

export interface PauseSpec {
  readonly claim: string;
  readonly ready: string;
  readonly directory: string;
  readonly hostname: string | undefined;
  readonly newNamespaces: string;
}
