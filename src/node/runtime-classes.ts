import { isAlreadyExists, resources, type Pod, type RuntimeClass } from '../api/index.ts';
import type { Client, Informer } from '../client/index.ts';
import type { Runtime } from '../runtimes/index.ts';

/** Which of a node's runtimes runs a Pod: the first, or the one that the Pod's RuntimeClass names as its handler. */
export class RuntimeChoice {
  readonly #runtimes: readonly Runtime[];
  readonly #classes: Informer<RuntimeClass>;

  constructor(runtimes: readonly Runtime[], classes: Informer<RuntimeClass>) {
    this.#runtimes = runtimes;
    this.#classes = classes;
  }

  /** Undefined: there is no such class (any more), or no such runtime here. */
  runtimeFor({ spec: { runtimeClassName = '' } }: Pod): Runtime | undefined {
    if (runtimeClassName === '') return this.#runtimes[0];
    const handler = this.#classes.get(runtimeClassName)?.handler;
    return this.#runtimes.find(({ name }) => name === handler);
  }

  /** Makes a class for each runtime, unless there is one of its name. */
  async register(client: Client): Promise<void> {
    for (const { name } of this.#runtimes) {
      try {
        await client.create<RuntimeClass>(resources.runtimeClasses, { metadata: { name }, handler: name });
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
      }
    }
  }
}
