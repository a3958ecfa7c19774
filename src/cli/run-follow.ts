import {
  jobFinishedCondition,
  objectKey,
  refOf,
  resources,
  type ContainerStateWaiting,
  type Job,
  type Pod,
} from '../api/index.ts';
import type { Client, WatchEvent } from '../client/index.ts';
import type { Terminal } from './command.ts';

interface Run {
  readonly client: Client;
  readonly jobs: readonly Job[];
  readonly terminal: Terminal;
  /** Ends following early. */
  readonly limit: AbortSignal;
}

/** Follows Jobs to their end: logs to standard output, progress to standard error. Resolves to the exit code. */
export function followRun(run: Run): Promise<number> {
  return new Follower(run).follow();
}

class Follower {
  readonly #run: Run;
  readonly #latest = new Map<string, Job>();
  readonly #logs = new Map<string, Promise<void>>();
  #progress = '';

  constructor(run: Run) {
    this.#run = run;
    for (const job of run.jobs) this.#latest.set(job.metadata.uid, job);
  }

  async follow(): Promise<number> {
    const watches: { close(): void }[] = [];
    try {
      await new Promise<void>((resolve, reject) => {
        if (this.#run.limit.aborted) resolve();
        this.#run.limit.addEventListener('abort', () => resolve(), { once: true });
        watches.push(this.#watchPods(reject), this.#watchJobs(resolve, reject));
      });
    } finally {
      for (const watch of watches) watch.close();
    }
    if (this.#run.limit.aborted) return this.#stopped();
    await Promise.all(this.#logs.values());
    return this.#summary();
  }

  #stopped(): number {
    if (this.#run.terminal.interrupted.aborted) return 130;
    this.#run.terminal.error('rondo run: time is over\n');
    return 1;
  }

  #watchJobs(resolve: () => void, reject: (error: Error) => void): { close(): void } {
    return this.#run.client.watch(
      resources.jobs,
      { resourceVersion: '0' },
      {
        onEvents: (events: readonly WatchEvent<Job>[]) => {
          for (const event of events) if (event.type !== 'BOOKMARK') this.#observeJob(event.object);
          if ([...this.#latest.values()].every((job) => jobFinishedCondition(job) !== undefined)) resolve();
        },
        onEnd: (error) => error && reject(error),
      },
    );
  }

  #watchPods(reject: (error: Error) => void): { close(): void } {
    return this.#run.client.watch(
      resources.pods,
      { resourceVersion: '0' },
      {
        onEvents: (events: readonly WatchEvent<Pod>[]) => {
          for (const event of events)
            if (event.type === 'ADDED' || event.type === 'MODIFIED') this.#observePod(event.object, reject);
        },
        onEnd: (error) => error && reject(error),
      },
    );
  }

  #observeJob(job: Job): void {
    if (!this.#latest.has(job.metadata.uid)) return;
    this.#latest.set(job.metadata.uid, job);
    const text = [...this.#latest.values()].map(progressOf).join('; ');
    if (text === this.#progress) return;
    this.#progress = text;
    this.#run.terminal.error(`${text}\n`);
  }

  /** Each attempt of each container has a log of its own. */
  #observePod(pod: Pod, reject: (error: Error) => void): void {
    const statuses = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
    for (const { name, restartCount, state } of statuses) {
      this.#explainWaiting(pod, name, state?.waiting);
      const id = `${objectKey(pod.metadata)}/${name}/${restartCount}`;
      if (this.#logs.has(id) || (state?.running === undefined && state?.terminated === undefined)) continue;
      const several = statuses.length > 1 ? `/${name}` : '';
      const log = this.#printLog(pod, name, `[${pod.metadata.name}${several}] `);
      log.catch(reject);
      this.#logs.set(id, log);
    }
  }

  /** A Pod that cannot start would otherwise only look slow. */
  #explainWaiting(pod: Pod, container: string, waiting: ContainerStateWaiting | undefined): void {
    if (waiting?.message === undefined) return;
    const id = `${pod.metadata.uid}/${container}/waiting/${waiting.message}`;
    if (this.#logs.has(id)) return;
    this.#logs.set(id, Promise.resolve());
    this.#run.terminal.error(`[${pod.metadata.name}] ${waiting.reason}: ${waiting.message}\n`);
  }

  async #printLog(pod: Pod, container: string, prefix: string): Promise<void> {
    const { client, terminal, limit } = this.#run;
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of client.podLog(refOf(pod), { container, follow: true }, limit)) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) terminal.out(`${prefix}${line}\n`);
    }
    if (rest !== '') terminal.out(`${prefix}${rest}\n`);
  }

  #summary(): number {
    const failed = [...this.#latest.values()].filter((job) => jobFinishedCondition(job)?.type === 'Failed');
    for (const job of failed) {
      const { reason, message } = jobFinishedCondition(job)!;
      this.#run.terminal.error(`job ${job.metadata.name} failed: ${reason}: ${message}\n`);
    }
    return failed.length === 0 ? 0 : 1;
  }
}

/** `words: 3/5 succeeded, 1 failed, 1 running` */
export function progressOf(job: Job): string {
  const { succeeded = 0, failed = 0, active = 0 } = job.status;
  const wanted = job.spec.completions ?? 1;
  return `${job.metadata.name}: ${succeeded}/${wanted} succeeded, ${failed} failed, ${active} running`;
}
