import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { PodCommand } from '../../operations.ts';

/** The streams of a remote command on their way to the client, whatever the protocol. */
export interface RemoteChannels {
  /** Absent: the client sends nothing. */
  readonly stdin?: Readable;
  /** Absent: the client does not want it. */
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  /** Sends the end of the command, as a Status, and closes. */
  finish(status: object): Promise<void>;
  /** Called when the client's terminal has another size, also for the first one. */
  onResize(call: (columns: number, rows: number) => void): void;
  /** Called when the client goes away, also after `finish`. */
  onGone(call: () => void): void;
  destroy(): void;
}

/** Which streams a client asks for. */
export interface WantedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** What it shows comes as standard output. */
  readonly terminal: boolean;
}

/**
 * Starts a command and carries its streams to a client. Resolves when the command has ended and that was sent, or the
 * client has gone. (Started no earlier, because Node drops the output of a process that ends before anybody reads it.)
 */
export async function carryCommand(channels: RemoteChannels, start: () => PodCommand): Promise<void> {
  let status: object;
  try {
    status = statusOf(await carry(channels, start()));
  } catch (error) {
    status = failureOf((error as Error).message);
  }
  await channels.finish(status);
}

async function carry(channels: RemoteChannels, command: PodCommand): Promise<number> {
  // Whoever goes away ends the command: nobody would read what it says.
  channels.onGone(() => command.kill());
  channels.onResize((columns, rows) => command.resize?.(columns, rows));
  if (channels.stdin === undefined) command.stdin.end();
  else channels.stdin.pipe(command.stdin);
  const outputs = [pump(command.stdout, channels.stdout), pump(command.stderr, channels.stderr)];
  const [exitCode] = await Promise.all([command.exitCode, ...outputs]);
  return exitCode;
}

/** All that a stream gives, at the client's pace; thrown away if the client does not want it. */
async function pump(from: Readable, to: Writable | undefined): Promise<void> {
  for await (const chunk of from as AsyncIterable<Buffer>) {
    if (to === undefined || to.destroyed || to.write(chunk)) continue;
    await Promise.race([once(to, 'drain'), once(to, 'close')]);
  }
  if (to !== undefined && !to.destroyed) to.end();
}

/** What clients make their own exit code from. */
function statusOf(exitCode: number): object {
  if (exitCode === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

function failureOf(message: string): object {
  return {
    metadata: {},
    status: 'Failure',
    reason: 'InternalError',
    message: `error executing command in container: ${message}`,
  };
}

/** A terminal size as clients send it: `{"Width":80,"Height":24}`. Undefined if it is none. */
export function sizeOf(text: string): { readonly columns: number; readonly rows: number } | undefined {
  const match = /^\s*\{\s*"Width":(\d{1,5}),"Height":(\d{1,5})\}\s*$/.exec(text);
  return match === null ? undefined : { columns: Number(match[1]), rows: Number(match[2]) };
}
