import type { Duplex } from 'node:stream';
import type { Clock } from '../../../clock/index.ts';
import { sizeOf, type RemoteChannels, type WantedStreams } from './remote-command.ts';
import { SpdyConnection, type SpdyStream } from '../../../spdy/index.ts';

/** Version 4: the error stream carries a Status. (Clients that offer 5 offer 4 too; over SPDY they are the same.) */
export const spdyCommandProtocol = 'v4.channel.k8s.io';

/** As upstream. */
const creationTimeoutMs = 30_000;
/** For a client that reads slowly, or forgets to close. */
const closingTimeoutMs = 30_000;

/**
 * Waits for the streams that the client opens, each named by its header `streamtype`.
 * @throws (rejects) Error if they do not come
 */
export async function spdyChannels(socket: Duplex, wanted: WantedStreams, clock: Clock): Promise<RemoteChannels> {
  const named = (['stdin', 'stdout', 'stderr'] as const).filter((name) => wanted[name]);
  const missing = new Set(['error', ...named, ...(wanted.terminal ? ['resize'] : [])]);
  const streams = new Map<string, SpdyStream>();
  const connection = await new Promise<SpdyConnection>((resolve, reject) => {
    const opened: SpdyConnection = new SpdyConnection(socket, (stream) => {
      const name = stream.headers.get('streamtype') ?? '';
      if (!missing.delete(name)) return void stream.destroy();
      streams.set(name, stream);
      if (missing.size > 0) return;
      timer.cancel();
      resolve(opened);
    });
    const timer = clock.after(creationTimeoutMs, () => opened.destroy());
    void opened.closed.then(() => reject(new Error('the client opened too few streams')));
  });
  const [stdin, stdout, stderr] = ['stdin', 'stdout', 'stderr'].map((name) => streams.get(name));
  return {
    ...(stdin && { stdin }),
    ...(stdout && { stdout }),
    ...(stderr && { stderr }),
    finish: async (status) => {
      streams.get('error')?.end(JSON.stringify(status));
      // The client closes once it has read everything; it drops what is unread when the server closes first.
      const timer = clock.after(closingTimeoutMs, () => connection.destroy());
      await connection.closed;
      timer.cancel();
    },
    onResize: (call) => {
      let text = '';
      streams.get('resize')?.on('data', (chunk: Buffer) => {
        const lines = (text + chunk.toString()).split('\n');
        text = (lines.pop() ?? '').slice(0, 100);
        for (const size of lines.map(sizeOf)) if (size !== undefined) call(size.columns, size.rows);
      });
    },
    onGone: (call) => void connection.closed.then(call),
    destroy: () => connection.destroy(),
  };
}
