import { Readable, Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { sizeOf, type RemoteChannels, type WantedStreams } from './remote-command.ts';

/** Subprotocols of remote commands that are spoken here; the best first. */
export const webSocketCommandProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
const normalClosure = 1000;

/** Binary messages whose first byte is the channel (apimachinery `remotecommand`). */
export function webSocketChannels(socket: WebSocket, wanted: WantedStreams): RemoteChannels {
  socket.on('error', () => socket.terminate());
  return {
    ...(wanted.stdin && { stdin: inputOf(socket) }),
    ...(wanted.stdout && { stdout: outputTo(socket, channel.stdout) }),
    ...(wanted.stderr && { stderr: outputTo(socket, channel.stderr) }),
    finish: async (status) => {
      await new Promise<void>((done) => send(socket, channel.error, Buffer.from(JSON.stringify(status)), done));
      socket.close(normalClosure);
    },
    onResize: (call) => {
      socket.on('message', (data: Buffer) => {
        const size = data[0] === channel.resize ? sizeOf(data.toString('utf8', 1)) : undefined;
        if (size !== undefined) call(size.columns, size.rows);
      });
    },
    onGone: (call) => void socket.once('close', call),
    destroy: () => socket.terminate(),
  };
}

function inputOf(socket: WebSocket): Readable {
  const input = new Readable({ read: () => socket.resume() });
  socket.on('message', (data: Buffer) => {
    // Version 5: the client has no more input. (The payload is the channel that it closes.)
    if (data[0] === channel.close && data[1] === channel.stdin) input.push(null);
    if (data[0] !== channel.stdin || data.length === 1 || input.readableEnded) return;
    if (!input.push(data.subarray(1))) socket.pause();
  });
  socket.once('close', () => input.destroy());
  return input;
}

function outputTo(socket: WebSocket, to: number): Writable {
  const output = new Writable({
    write: (chunk: Buffer, _encoding, done) => send(socket, to, chunk, done),
  });
  socket.once('close', () => output.destroy());
  return output;
}

/** Calls back when it is on its way, or nobody is there to get it. */
function send(socket: WebSocket, to: number, payload: Buffer, done: () => void): void {
  if (socket.readyState === socket.OPEN) socket.send(Buffer.concat([Buffer.from([to]), payload]), () => done());
  else done();
}
