import { closeSync, openSync, readSync } from 'node:fs';
import type { ExitedContainer, RunningContainer } from '../runtime.ts';
import { attemptFiles, type Exit, type Files } from './files.ts';
import type { HeldContainer } from './held-containers.ts';
import { tailOfLog } from './log-lines.ts';
import type { containerStatus } from './protocol/containers.ts';
import type { Received } from './protocol/message.ts';

type Status = Received<typeof containerStatus>;

/** Limits as upstream's: pkg/kubelet/container/runtime.go. */
const messageLimitBytes = 4096;
const fallbackLimits = { bytes: 2048, lines: 80 };

export function millisOf(nanoseconds: number): number {
  return Math.floor(nanoseconds / 1e6);
}

/** How a container ended, from what its runtime tells; without a status nobody knows (any more). */
export function exitOf(
  files: Files,
  { claim, state }: HeldContainer & { readonly state: RunningContainer },
  end: { readonly status: Status | undefined; readonly nowMs: number },
): Exit {
  const { id, startedAtMs, runtimeId } = state;
  const { status, nowMs } = end;
  // containerd says `Unknown` with 255 where it lost sight of a container, as after a restart of the machine.
  if (status === undefined || status.reason === 'Unknown') {
    const finishedAtMs = Math.max(startedAtMs, status === undefined ? nowMs : millisOf(status.finishedAt));
    const message = 'The container could not be located when the container runtime was asked';
    return { runtimeId, startedAtMs, finishedAtMs, exitCode: 137, reason: 'ContainerStatusUnknown', message };
  }
  const { exitCode } = status;
  const reason = status.reason === '' ? (exitCode === 0 ? 'Completed' : 'Error') : status.reason;
  const message = messageOf(attemptFiles(files, id), status, claim.fallbackToLogs);
  return {
    runtimeId,
    startedAtMs,
    finishedAtMs: Math.max(startedAtMs, millisOf(status.finishedAt)),
    exitCode,
    // The protocol knows no signals: they come as a shell tells them.
    ...(exitCode > 128 && exitCode <= 128 + 31 && reason !== 'StartError' ? { signal: exitCode - 128 } : {}),
    reason,
    ...(message === '' ? {} : { message }),
  };
}

export function exitedState(id: ExitedContainer['id'], exit: Exit): ExitedContainer {
  return { type: 'exited', id, ...exit };
}

/** Its last words: the message file, or by policy the log's end; what the runtime says comes before (kubelet). */
function messageOf(
  files: { readonly message: string; readonly log: string },
  status: Status,
  fallbackToLogs: boolean,
): string {
  const own = beginOf(files.message);
  const words = own !== '' || !fallbackToLogs || status.exitCode === 0 ? own : tailOfLog(files.log, fallbackLimits);
  return [status.message, words].filter((text) => text !== '').join(': ');
}

function beginOf(file: string): string {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch (error) {
    // A container with a volume at that path has no such file.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
  try {
    const buffer = Buffer.alloc(messageLimitBytes);
    return buffer.toString('utf8', 0, readSync(handle, buffer, 0, messageLimitBytes, 0));
  } finally {
    closeSync(handle);
  }
}
