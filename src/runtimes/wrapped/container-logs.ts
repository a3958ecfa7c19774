import type { Clock } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import { bytesOnDisk, LogKeeper } from '../log-keeper.ts';
import { shapeLog } from '../log-lines.ts';
import { containerIdKey, RuntimeError, type ContainerId, type ReadLogOptions } from '../runtime.ts';
import type { Containers } from './containers.ts';
import { containerFiles, type Layout } from './layout.ts';
import { readLogFile } from './read-log.ts';

export interface ContainerLogsOptions {
  readonly layout: Layout;
  readonly containers: Containers;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What containers write: they do it by themselves; here it is read, and kept within bounds. */
export class ContainerLogs {
  readonly #options: ContainerLogsOptions;
  readonly #keeper: LogKeeper;

  constructor(options: ContainerLogsOptions) {
    const { clock, log, containers } = options;
    this.#options = options;
    const growing = (): string[] => containers.running().map(({ state }) => this.#fileOf(state.id));
    this.#keeper = new LogKeeper({ clock, log, growing });
  }

  start(): void {
    this.#keeper.start();
  }

  stop(): void {
    this.#keeper.stop();
  }

  /** A container has been started. */
  began(): void {
    this.#keeper.watch();
  }

  /** Nothing more will come. */
  ended(id: ContainerId): void {
    void this.#keeper.check(this.#fileOf(id));
  }

  /** Its files have gone. */
  removed(id: ContainerId): void {
    this.#keeper.forget(this.#fileOf(id));
  }

  /** What the log takes on disk. */
  bytesOf(id: ContainerId): number {
    return bytesOnDisk(this.#fileOf(id));
  }

  /** As `Runtime.readLog`. @throws RuntimeError NotFound */
  read(id: ContainerId, options: ReadLogOptions): AsyncIterable<Uint8Array> {
    const { containers, clock } = this.#options;
    const container = containers.get(id);
    if (container === undefined) throw new RuntimeError('NotFound', `no container ${containerIdKey(id)}`);
    const file = this.#fileOf(id);
    const source = {
      file,
      clock,
      beginning: () => this.#keeper.beginningOf(file),
      ended: () => container.state.type === 'exited' || containers.get(id) === undefined,
      whenEnded: (call: () => void) => {
        (container.whenEnded ??= new Set()).add(call);
        return () => container.whenEnded?.delete(call);
      },
    };
    return shapeLog(readLogFile(source, options), options);
  }

  #fileOf(id: ContainerId): string {
    return containerFiles(this.#options.layout, id).log;
  }
}
