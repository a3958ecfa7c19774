import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HeldImage } from '../image-service.ts';
import type { ContainerId, ExitedContainer } from '../runtime.ts';

/**
 * What must be known when the engine comes back, also before (or without) the container runtime answering:
 *
 *     owner                            the value of the label on all that belongs to this directory
 *     pods/<uid>/                      the Pod is held here; where it is missing, the Pod was removed
 *     pods/<uid>/<name>_<attempt>.claim   made before the runtime is told to start the attempt
 *     pods/<uid>/<name>_<attempt>.exit    how it ended
 *     pods/<uid>/<name>_<attempt>.message what it wrote as its termination message
 *     pods/<uid>/logs/<name>_<attempt>.log   written by the container runtime
 *     pods/<uid>/volumes/<name>, hosts    what is mounted into its containers
 *     pods/<uid>/over                  nothing of it runs or will be started: it needs no sandbox
 */
export interface Files {
  readonly root: string;
}

/** A container that was made, and that may have been started. */
export interface Claim {
  /** The container runtime's own. */
  readonly containerId: string;
  /** `containerd://…` */
  readonly runtimeId: string;
  /** The end of its log is its termination message if it fails without one. */
  readonly fallbackToLogs: boolean;
  /** Missing: nobody has heard yet that it was started. */
  readonly startedAtMs?: number;
  readonly image?: HeldImage;
}

export type Exit = Omit<ExitedContainer, 'type' | 'id'>;

/** An attempt as its files tell it. */
export interface AttemptRecord {
  readonly id: ContainerId;
  readonly claim: Claim | undefined;
  readonly exit: Exit | undefined;
}

export function podFiles(
  { root }: Files,
  uid: string,
): Record<'directory' | 'volumes' | 'logs' | 'hosts' | 'over', string> {
  const directory = join(root, 'pods', uid);
  const at = (name: string): string => join(directory, name);
  return { directory, volumes: at('volumes'), logs: at('logs'), hosts: at('hosts'), over: at('over') };
}

export function attemptFiles(files: Files, id: ContainerId): Record<'claim' | 'exit' | 'message' | 'log', string> {
  const { directory, logs } = podFiles(files, id.podUid);
  const name = `${id.container}_${id.attempt}`;
  const at = (ending: string): string => join(directory, `${name}.${ending}`);
  return { claim: at('claim'), exit: at('exit'), message: at('message'), log: join(logs, `${name}.log`) };
}

/** Makes the directory, and the owner's name at the first time. */
export function openFiles(root: string, newOwner: () => string): { readonly files: Files; readonly owner: string } {
  mkdirSync(join(root, 'pods'), { recursive: true, mode: 0o700 });
  const file = join(root, 'owner');
  if (!existsSync(file)) writeWhole(file, newOwner());
  return { files: { root }, owner: readFileSync(file, 'utf8') };
}

export function makePod(files: Files, uid: string): void {
  mkdirSync(podFiles(files, uid).logs, { recursive: true, mode: 0o700 });
}

export function heldPods({ root }: Files): readonly string[] {
  return readdirSync(join(root, 'pods'));
}

export function markOver(files: Files, uid: string): void {
  writeFileSync(podFiles(files, uid).over, '', { mode: 0o600 });
}

export function isOver(files: Files, uid: string): boolean {
  return existsSync(podFiles(files, uid).over);
}

/** All attempts of a Pod that left files. */
export function attemptsOf(files: Files, uid: string): readonly AttemptRecord[] {
  const names = new Set<string>();
  for (const name of readdirSync(podFiles(files, uid).directory)) {
    const match = /^([^_]+_\d+)\.(claim|exit)$/.exec(name);
    if (match !== null) names.add(match[1]!);
  }
  return [...names].map((name) => {
    const [container = '', attempt] = name.split('_');
    const id = { podUid: uid, container, attempt: Number(attempt) };
    const { claim, exit } = attemptFiles(files, id);
    return {
      id,
      claim: existsSync(claim) ? (readRecord<Claim>(claim) ?? unreadable) : undefined,
      exit: existsSync(exit) ? readRecord<Exit>(exit) : undefined,
    };
  });
}

export function writeClaim(files: Files, id: ContainerId, claim: Claim): void {
  writeWhole(attemptFiles(files, id).claim, JSON.stringify(claim));
}

export function removeClaim(files: Files, id: ContainerId): void {
  rmSync(attemptFiles(files, id).claim, { force: true });
}

export function writeExit(files: Files, id: ContainerId, exit: Exit): void {
  writeWhole(attemptFiles(files, id).exit, JSON.stringify(exit));
}

export function removePodFiles(files: Files, uid: string): Promise<void> {
  return rm(podFiles(files, uid).directory, { recursive: true, force: true, maxRetries: 3 });
}

/** Whoever is killed while he writes leaves the old file or the new one. */
function writeWhole(path: string, text: string): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}

/** A power loss may leave a claim without its content: a container of which nobody knows what became. */
const unreadable: Claim = { containerId: '', runtimeId: '', fallbackToLogs: false };

function readRecord<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
