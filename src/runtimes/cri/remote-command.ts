import { PassThrough, Readable, Writable } from 'node:stream';
import type { SpdyConnection, SpdyStream } from '../../spdy/index.ts';
import { RuntimeError, type ExecSession } from '../runtime.ts';
import { upgrade } from './upgrade.ts';

/** Its error stream ends with a Status that holds the exit code. */
const protocol = 'v4.channel.k8s.io';
const killedExitCode = 137;

export interface WantedStreams {
  readonly stdin: boolean;
  readonly terminal: boolean;
}

/**
 * A command whose streams come from the address that `open` gives, once that is there. Can be used at once; what is
 * written early waits.
 */
export function remoteCommand(open: () => Promise<string>, wanted: WantedStreams): ExecSession {
  return new RemoteCommand(open, wanted);
}

class RemoteCommand implements ExecSession {
  readonly stdin: Writable;
  readonly stdout = new PassThrough();
  readonly stderr: PassThrough | Readable;
  readonly exitCode: Promise<number>;
  readonly #input = new PassThrough();
  readonly #terminal: boolean;
  #connection: SpdyConnection | undefined;
  #sizes: SpdyStream | undefined;
  #size: string | undefined;
  #killed: () => void = () => undefined;

  constructor(open: () => Promise<string>, wanted: WantedStreams) {
    this.#terminal = wanted.terminal;
    this.stdin = wanted.stdin ? this.#input : new Writable({ write: (_chunk, _encoding, done) => done() });
    this.stderr = wanted.terminal ? Readable.from([]) : new PassThrough();
    // The command does not read its input (any more): no matter.
    this.#input.on('error', () => undefined);
    const killed = new Promise<number>((resolve) => (this.#killed = () => resolve(killedExitCode)));
    this.exitCode = Promise.race([this.#run(open, wanted), killed]).finally(() => this.#close());
    // Whoever asks for the exit code hears of it; a session that is dropped must not end the engine.
    this.exitCode.catch(() => undefined);
  }

  /** Goes away. What runs in the container is the runtime's matter: containerd lets it run. */
  kill(): void {
    this.#killed();
    this.#close();
  }

  resize(columns: number, rows: number): void {
    this.#size = `${JSON.stringify({ Width: columns, Height: rows })}\n`;
    this.#sizes?.write(this.#size);
  }

  async #run(open: () => Promise<string>, wanted: WantedStreams): Promise<number> {
    try {
      const connection = await upgrade(await open(), protocol);
      this.#connection = connection;
      return await this.#carry(connection, wanted);
    } catch (error) {
      throw new RuntimeError('ExecError', (error as Error).message, { cause: error });
    }
  }

  async #carry(connection: SpdyConnection, wanted: WantedStreams): Promise<number> {
    const stream = (streamtype: string): SpdyStream => connection.open({ streamtype });
    const verdict = textOf(stream('error'));
    if (wanted.stdin) this.#input.pipe(stream('stdin'));
    const outputs = [pipeWhole(stream('stdout'), this.stdout)];
    if (this.stderr instanceof PassThrough) outputs.push(pipeWhole(stream('stderr'), this.stderr));
    if (this.#terminal) {
      this.#sizes = stream('resize');
      if (this.#size !== undefined) this.#sizes.write(this.#size);
    }
    const status = await verdict;
    await Promise.all(outputs);
    return exitCodeOf(status);
  }

  #close(): void {
    this.#connection?.destroy();
    this.#input.destroy();
    for (const output of [this.stdout, this.stderr]) if (output instanceof PassThrough) output.end();
  }
}

/** Resolves when everything was handed on, or the stream broke off. */
function pipeWhole(from: SpdyStream, to: PassThrough): Promise<void> {
  from.pipe(to);
  return new Promise((resolve) => {
    from.once('end', resolve);
    from.once('close', resolve);
  });
}

function textOf(stream: SpdyStream): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    stream.once('close', () => resolve(text));
    stream.once('end', () => resolve(text));
  });
}

interface Status {
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/** @throws Error if the command did not end by itself */
function exitCodeOf(text: string): number {
  if (text === '') throw new Error('the connection to the container runtime broke off');
  const { status, message, reason, details } = JSON.parse(text) as Status;
  if (status === 'Success') return 0;
  const code = details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message;
  if (reason === 'NonZeroExitCode' && code !== undefined) return Number(code);
  throw new Error(message ?? text);
}
