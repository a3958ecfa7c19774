import { isNotFound, refOf, resources, type Pod } from '../api/index.ts';
import type { Client, PodLogOptions } from '../client/index.ts';
import type { Terminal } from './command.ts';

interface Context {
  readonly client: Client;
  readonly terminal: Terminal;
  /** Ends following early. */
  readonly limit: AbortSignal;
}

interface Source {
  readonly pod: Pod;
  readonly container: string;
  /** In front of each line. */
  readonly prefix: string;
}

/** Prints what a container writes, one attempt after the other. */
export class ContainerLog {
  readonly #context: Context;
  readonly #source: Source;
  #observed = -1;
  #printed = -1;
  #work: Promise<void> = Promise.resolve();

  constructor(context: Context, source: Source) {
    this.#context = context;
    this.#source = source;
  }

  /** Tells that an attempt has begun. Rejects if its log cannot be read. */
  observe(attempt: number): Promise<void> {
    if (attempt > this.#observed) {
      this.#observed = attempt;
      this.#work = this.#work.then(() => this.#catchUp());
    }
    return this.#work;
  }

  /** Resolves when all that was observed is printed. */
  end(): Promise<void> {
    return this.#work;
  }

  /** A container that ends at once is started again at once: its status may never have shown the first attempt. */
  async #catchUp(): Promise<void> {
    try {
      const attempt = await this.#newestAttempt();
      if (attempt > this.#printed + 1) await this.#print({ previous: true });
      if (attempt <= this.#printed) return;
      this.#printed = attempt;
      await this.#print({ follow: true });
    } catch (error) {
      // Pods of a Job that has failed or whose time is up are deleted with their logs.
      if (!isNotFound(error)) throw error;
    }
  }

  async #newestAttempt(): Promise<number> {
    const { status } = await this.#context.client.get(resources.pods, refOf(this.#source.pod));
    const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    return statuses.find(({ name }) => name === this.#source.container)?.restartCount ?? 0;
  }

  async #print(options: PodLogOptions): Promise<void> {
    const { client, terminal, limit } = this.#context;
    const { pod, container, prefix } = this.#source;
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of client.podLog(refOf(pod), { container, ...options }, limit)) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) terminal.out(`${prefix}${line}\n`);
    }
    if (rest !== '') terminal.out(`${prefix}${rest}\n`);
  }
}
