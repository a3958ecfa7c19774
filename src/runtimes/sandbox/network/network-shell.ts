import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../../../clock/index.ts';
import type { Logger } from '../../../log/index.ts';
import { defaultPath, shellQuote } from '../../wrapped/index.ts';

export interface NetworkShellOptions {
  /** The FIFO that it keeps open; made if it is missing. */
  readonly life: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a command answers: `made`, `plugged`, `up`, `taken`, `failed`, and what else it says. */
export interface NetworkAnswer {
  readonly word: string;
  readonly rest: string;
}

const answerLimitMs = 20_000;

/**
 * The process that starts all that make networks: small, so that starting them costs the engine nothing. It ends with the
 * engine, and with it ends whatever belongs to no Pod.
 */
export class NetworkShell {
  readonly #options: NetworkShellOptions;
  readonly #waiting = new Map<string, (answer: NetworkAnswer) => void>();
  #child: ChildProcessByStdio<Writable, Readable, null> | undefined;
  #text = '';

  constructor(options: NetworkShellOptions) {
    this.#options = options;
  }

  /** Runs a command and waits for its line: about `switch`, or about an address. Never rejects. */
  ask(about: string, command: string): Promise<NetworkAnswer> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.after(answerLimitMs, () =>
        this.#settle(about, { word: 'failed', rest: 'it takes too long' }),
      );
      this.#waiting.set(about, (answer) => {
        timer.cancel();
        resolve(answer);
      });
      // What is made must not keep the FIFO open itself.
      this.start().stdin.write(`${command} 3>&- &\n`);
      this.reap();
    });
  }

  /** Without this, processes that have ended stay as zombies until the next command. */
  reap(): void {
    this.#child?.stdin.write('jobs >/dev/null 2>&1\n');
  }

  stop(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.stdin.end();
    child?.stdout.destroy();
    this.#failAll('the engine stops');
  }

  /** Begins to hold the FIFO open, if it does not yet. */
  start(): ChildProcessByStdio<Writable, Readable, null> {
    if (this.#child !== undefined) return this.#child;
    const { life, log } = this.#options;
    const child = spawn('/bin/sh', [], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: defaultPath },
    });
    this.#child = child;
    child.unref();
    (child.stdout as Readable & { unref(): void }).unref();
    child.stdin.on('error', (error) => log.debug('network shell does not read', { error }));
    child.on('error', (error) => this.#ended(child, error.message));
    child.on('exit', (code, signal) => this.#ended(child, `the network shell ended with ${code ?? signal}`));
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    const place = shellQuote(life);
    child.stdin.write(`[ -p ${place} ] || mkfifo -m 600 ${place}; exec 3<>${place}\n`);
    return child;
  }

  #ended(child: object, why: string): void {
    if (this.#child !== child) return;
    this.#options.log.warn('network shell ended', { why });
    this.#child = undefined;
    this.#failAll(why);
  }

  #failAll(why: string): void {
    for (const about of [...this.#waiting.keys()]) this.#settle(about, { word: 'failed', rest: why });
  }

  #take(text: string): void {
    const lines = (this.#text + text).split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) {
      const [first = '', second = '', ...rest] = line.split(' ');
      if (first === 'switch') this.#settle(first, { word: second.replace(':', ''), rest: rest.join(' ') });
      else this.#settle(second, { word: first, rest: rest.join(' ') });
    }
  }

  #settle(about: string, answer: NetworkAnswer): void {
    const settle = this.#waiting.get(about);
    this.#waiting.delete(about);
    settle?.(answer);
  }
}
