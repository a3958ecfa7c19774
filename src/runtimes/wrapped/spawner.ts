import { spawn, type ChildProcess } from 'node:child_process';
import type { Clock } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import { defaultPath } from './environment.ts';
import { wrapperScript, type Starter } from './wrapper.ts';

export interface SpawnerOptions {
  readonly starter: Starter;
  readonly cwd: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** The spawner died and a new one runs: what was asked of the old one may not have happened. */
  readonly onRestart: () => void;
}

/** After a spawner that died at once, the next one waits this long. */
const restartDelayMs = 200;
/** So long after the last exit the spawner reaps the wrappers that have ended. */
const reapDelayMs = 1000;

/**
 * The one process that starts all containers: the compiled starter, or a shell, that reads what to start from its standard input.
 * Node forks its own page tables for each child (1 ms at 50 MB, 50 ms at 1 GB), a small process a fraction of that.
 * When the engine dies it reads the end of its input and goes; its containers stay.
 */
export class Spawner {
  readonly #options: SpawnerOptions;
  #child: ChildProcess | undefined;
  #stopped = false;
  #batch: string[] = [];
  #reapPending = false;

  constructor(options: SpawnerOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    const { starter, cwd, log, clock } = this.#options;
    const [path, args] =
      starter.type === 'compiled' ? [starter.path, ['serve']] : [starter.shell.path, [...starter.shell.args]];
    const child = spawn(path, args, {
      cwd,
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: defaultPath },
    });
    this.#child = child;
    child.unref();
    child.stdin.on('error', (error) => log.debug('spawner does not read', { error }));
    child.on('error', (error) => log.error('spawner cannot be started', { error }));
    const startedAtMs = clock.monotonic();
    child.on('close', () => {
      if (this.#stopped || this.#child !== child) return;
      log.warn('spawner ended, starting another', { code: child.exitCode, signal: child.signalCode });
      this.#child = undefined;
      clock.after(clock.monotonic() - startedAtMs < restartDelayMs ? restartDelayMs : 0, () => this.#restart());
    });
    if (starter.type === 'shell') child.stdin.write(wrapperScript(starter.shell));
  }

  /** Starts a container: the text comes from `startText` or `starterRequest`. */
  run(text: string): void {
    this.#batch.push(text);
    if (this.#batch.length === 1) queueMicrotask(() => this.#flush());
  }

  /** Wrappers ended: has a shell reap them soon. */
  reapSoon(): void {
    if (this.#reapPending || this.#options.starter.type === 'compiled') return;
    this.#reapPending = true;
    this.#options.clock.after(reapDelayMs, () => {
      this.#reapPending = false;
      if (!this.#stopped) this.run('');
    });
  }

  /** Lets it finish what it has read, and go. */
  stop(): void {
    this.#flush();
    this.#stopped = true;
    this.#child?.stdin?.end();
    this.#child = undefined;
  }

  #restart(): void {
    if (this.#stopped) return;
    // Starts that wait in the batch are among those that the listener asks for again.
    this.#batch = [];
    this.start();
    this.#options.onRestart();
  }

  #flush(): void {
    if (this.#batch.length === 0) return;
    const text = this.#batch.join('');
    this.#batch = [];
    // `jobs` reaps children that have ended; without it a shell keeps them as zombies until it waits.
    const reap = this.#options.starter.type === 'shell' ? 'jobs >/dev/null 2>&1\n' : '';
    this.#child?.stdin?.write(text + reap);
  }
}
