import { setMaxListeners } from 'node:events';
import { jobFinishedCondition, resources, type ContainerStateWaiting, type Job, type Pod } from '../api/index.ts';
import type { Client, WatchEvent } from '../client/index.ts';
import { ContainerLog } from './container-log.ts';
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
  readonly #logs = new Map<string, ContainerLog>();
  readonly #explained = new Set<string>();
  #progress = '';

  constructor(run: Run) {
    this.#run = run;
    for (const job of run.jobs) this.#latest.set(job.metadata.uid, job);
  }

  async follow(): Promise<number> {
    // One for each log that is being followed.
    setMaxListeners(0, this.#run.limit);
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
    await this.#finishLogs();
    return this.#summary();
  }

  /** The end of a Job may have been seen before the last news of its Pods. */
  async #finishLogs(): Promise<void> {
    const { items } = await this.#run.client.list(resources.pods, {});
    const failed = new Promise<never>((_resolve, reject) => {
      for (const pod of items) this.#observePod(pod, reject);
    });
    await Promise.race([failed, Promise.all([...this.#logs.values()].map((log) => log.end()))]);
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

  #observePod(pod: Pod, reject: (error: Error) => void): void {
    const statuses = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
    for (const { name, restartCount, state } of statuses) {
      this.#explain(pod, name, state?.waiting);
      if (state?.terminated?.reason === 'StartError') this.#explain(pod, name, state.terminated);
      // A container that waits between two attempts has had one, too.
      if (restartCount === 0 && state?.running === undefined && state?.terminated === undefined) continue;
      const several = statuses.length > 1 ? `/${name}` : '';
      this.#logOf(pod, name, `[${pod.metadata.name}${several}] `).observe(restartCount).catch(reject);
    }
  }

  #logOf(pod: Pod, container: string, prefix: string): ContainerLog {
    const id = `${pod.metadata.uid}/${container}`;
    let log = this.#logs.get(id);
    if (log === undefined) this.#logs.set(id, (log = new ContainerLog(this.#run, { pod, container, prefix })));
    return log;
  }

  /** A Pod that cannot start would otherwise only look slow. */
  #explain(pod: Pod, container: string, state: ContainerStateWaiting | undefined): void {
    if (state?.message === undefined) return;
    const id = `${pod.metadata.uid}/${container}/${state.message}`;
    if (this.#explained.has(id)) return;
    this.#explained.add(id);
    this.#run.terminal.error(`[${pod.metadata.name}] ${state.reason}: ${state.message}\n`);
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
