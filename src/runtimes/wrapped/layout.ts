import { join } from 'node:path';
import type { ContainerId, ExitedContainer } from '../runtime.ts';

/**
 * Where everything lies below the data directory. Directories are flat, so that one readdir each tells all after a
 * restart, however many Pods there are, and a Pod without volumes costs one directory:
 *
 *     claims/<container>            made with O_EXCL before anything is started; holds the wrapper's and container's pid
 *     exits/<container>_<startedMs>_<code>
 *                                   an empty file: its name is the record, so that making it is one atomic system call
 *                                   (no rename, no further process); its time is the finish time
 *     pods/<uid>/                   the Pod's own directory, for its containers to write to; where it is missing, the
 *                                   Pod was removed, and nothing of it is started
 *     logs/<container>.log          what it writes, beside .message and .error
 *     volumes/<uid>/<name>          sandboxes/<uid>/<container>: only for Pods that have volumes
 *
 * `<container>` is `<pod uid>_<name>_<attempt>`; neither uid nor name can hold an underscore.
 */
export interface Layout {
  readonly root: string;
  readonly claims: string;
  readonly exits: string;
  readonly pods: string;
  readonly logs: string;
  readonly volumes: string;
  readonly sandboxes: string;
  readonly bootId: string;
}

export function layoutOf(dataDir: string): Layout {
  return {
    root: dataDir,
    claims: join(dataDir, 'claims'),
    exits: join(dataDir, 'exits'),
    pods: join(dataDir, 'pods'),
    logs: join(dataDir, 'logs'),
    volumes: join(dataDir, 'volumes'),
    sandboxes: join(dataDir, 'sandboxes'),
    bootId: join(dataDir, 'boot-id'),
  };
}

/** The name of a container in file names and in its environment. */
export function tokenOf(id: ContainerId): string {
  return `${id.podUid}_${id.container}_${id.attempt}`;
}

export function parseToken(token: string): ContainerId | undefined {
  const match = /^([^_/]+)_([^_/]+)_(\d+)$/.exec(token);
  return match === null ? undefined : { podUid: match[1]!, container: match[2]!, attempt: Number(match[3]) };
}

/** Whether uid and container name are fit for file names: they come from the API server, but a path is at stake. */
export function isSafeId(id: ContainerId): boolean {
  return isSafeName(id.podUid) && isSafeName(id.container) && Number.isSafeInteger(id.attempt) && id.attempt >= 0;
}

export function isSafeName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/.test(name);
}

/** How a container ended: by itself (or a signal), it could not be started, nobody knows, or it ran out of memory. */
export type ExitKind = 'ended' | 'startError' | 'unknown' | 'oomKilled';

const kindLetters: Record<ExitKind, string> = { ended: '', startError: 'S', unknown: 'U', oomKilled: 'O' };

const exitKinds = Object.keys(kindLetters) as readonly ExitKind[];

export interface ExitRecord {
  readonly token: string;
  readonly startedAtMs: number;
  readonly exitCode: number;
  readonly kind: ExitKind;
}

export function exitFileName(record: ExitRecord): string {
  return `${record.token}_${record.startedAtMs}_${record.exitCode}${kindLetters[record.kind]}`;
}

export function parseExitFileName(name: string): ExitRecord | undefined {
  const match = /^([^_/]+_[^_/]+_\d+)_(\d+)_(\d+)([SUO]?)$/.exec(name);
  if (match === null) return undefined;
  const letter = match[4]!;
  const kind = exitKinds.find((name) => kindLetters[name] === letter)!;
  return { token: match[1]!, startedAtMs: Number(match[2]), exitCode: Number(match[3]), kind };
}

/** The files of one Pod. */
export interface PodFiles {
  /** Working directory of containers that name none, and their TMPDIR. */
  readonly directory: string;
  readonly volumes: string;
  readonly sandbox: string;
}

export function podFiles(layout: Layout, podUid: string): PodFiles {
  return {
    directory: `${layout.pods}/${podUid}`,
    volumes: `${layout.volumes}/${podUid}`,
    sandbox: `${layout.sandboxes}/${podUid}`,
  };
}

/** The files of one container attempt. */
export interface ContainerFiles {
  readonly claim: string;
  readonly log: string;
  /** What the container writes as its termination message. */
  readonly message: string;
  /** Why the container could not be started, where only its sandbox could find out. */
  readonly error: string;
  /** A FIFO, of containers with an input. */
  readonly input: string;
  /** Exists if the log's end is the termination message of a failed container that wrote none. */
  readonly fallback: string;
}

export function containerFiles(layout: Layout, id: ContainerId): ContainerFiles {
  const base = `${layout.logs}/${tokenOf(id)}`;
  return {
    claim: `${layout.claims}/${tokenOf(id)}`,
    log: `${base}.log`,
    message: `${base}.message`,
    error: `${base}.error`,
    input: `${base}.input`,
    fallback: `${base}.fallback`,
  };
}

/** Kubernetes' reason for the way a container ended. */
export function reasonOf(record: Pick<ExitRecord, 'kind' | 'exitCode'>): ExitedContainer['reason'] {
  if (record.kind === 'startError') return 'StartError';
  if (record.kind === 'oomKilled') return 'OOMKilled';
  if (record.kind === 'unknown') return 'ContainerStatusUnknown';
  return record.exitCode === 0 ? 'Completed' : 'Error';
}

/** The record that an exit was, or would be, read from. */
export function recordOf(state: ExitedContainer): ExitRecord {
  const kinds: Partial<Record<string, ExitKind>> = {
    StartError: 'startError',
    ContainerStatusUnknown: 'unknown',
    OOMKilled: 'oomKilled',
  };
  const { startedAtMs, exitCode } = state;
  return { token: tokenOf(state.id), startedAtMs, exitCode, kind: kinds[state.reason] ?? 'ended' };
}
