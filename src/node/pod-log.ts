import { badRequest, containerStatusesOf, parseTime, type Pod } from '../api/index.ts';
import type { PodLogOptions } from '../client/index.ts';
import type { Runtime } from '../runtimes/index.ts';

interface PodLogRequest {
  readonly pod: Pod;
  readonly runtime: Runtime;
  readonly options: PodLogOptions;
  readonly signal: AbortSignal;
  readonly nowMs: number;
}

/**
 * The log of one container: of its newest attempt, or of the one before with `previous`.
 * @throws ApiError 400 when there is no previous attempt or the container is not the Pod's
 */
export function readPodLog(request: PodLogRequest): AsyncIterable<Uint8Array> {
  const { pod, options, runtime, signal } = request;
  const container = options.container ?? pod.spec.containers[0]!.name;
  const attempt = attemptOf(pod, container, options);
  const id = { podUid: pod.metadata.uid, container, attempt };
  const sinceMs = sinceOf(options, request.nowMs);
  return runtime.readLog(id, {
    follow: options.follow === true && options.previous !== true,
    timestamps: options.timestamps === true,
    ...(options.tailLines === undefined ? {} : { tailLines: options.tailLines }),
    ...(options.limitBytes === undefined ? {} : { limitBytes: options.limitBytes }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    signal,
  });
}

function attemptOf(pod: Pod, container: string, options: PodLogOptions): number {
  const restarts = newestAttempt(pod, container);
  if (options.previous !== true) return restarts;
  if (restarts === 0)
    throw badRequest(`previous terminated container "${container}" in pod "${pod.metadata.name}" not found`);
  return restarts - 1;
}

/** The attempt of a container that its Pod's status speaks of. */
export function newestAttempt(pod: Pod, container: string): number {
  return containerStatusesOf(pod).find(({ name }) => name === container)?.restartCount ?? 0;
}

function sinceOf(options: PodLogOptions, nowMs: number): number | undefined {
  if (options.sinceSeconds !== undefined) return nowMs - options.sinceSeconds * 1000;
  return options.sinceTime === undefined ? undefined : parseTime(options.sinceTime);
}
