import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { SpdyConnection, type SpdyStream } from './index.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Until its other end has said all: not by iteration, which would close both directions. */
function text(stream: SpdyStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    stream.once('end', () => resolve(said));
    stream.once('close', () => reject(new Error('closed before its end')));
  });
}

/** Both ends of a connection; what the client opens is given to `onStream`. */
async function pair(
  onStream?: (stream: SpdyStream) => void,
): Promise<{ client: SpdyConnection; server: SpdyConnection }> {
  let accept: (socket: Socket) => void = () => undefined;
  const accepted = new Promise<Socket>((resolve) => (accept = resolve));
  const listener = createServer((socket) => accept(socket));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const socket = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  const client = new SpdyConnection(socket);
  const server = new SpdyConnection(await accepted, onStream);
  closing.push(() => {
    client.destroy();
    server.destroy();
    listener.close();
  });
  return { client, server };
}

describe('a SPDY connection', () => {
  it('carries several streams at once, each with its headers, and ends each side of them by itself', async () => {
    const { client } = await pair((stream) => {
      const name = stream.headers.get('streamtype');
      void text(stream).then((said) => stream.end(`${name} heard ${said}`));
    });
    const answers = ['stdin', 'data', 'error'].map(async (name) => {
      const stream = client.open({ streamtype: name, port: '80' });
      stream.write(`hello `);
      stream.end(`from ${name}`);
      return text(stream);
    });
    expect(await Promise.all(answers)).toEqual([
      'stdin heard hello from stdin',
      'data heard hello from data',
      'error heard hello from error',
    ]);
  });

  it('carries more than fits into buffers, at the pace of a slow reader', async () => {
    const long = 'x'.repeat(5 << 20);
    const { client } = await pair((stream) => {
      void text(stream).then((said) => stream.end(String(said.length)));
    });
    const stream = client.open({ streamtype: 'data' });
    stream.end(long);
    expect(await text(stream)).toBe(String(long.length));
  });

  it('closes a stream that the peer resets, and leaves the others', async () => {
    const { client } = await pair((stream) => {
      if (stream.headers.get('streamtype') === 'unwanted') stream.destroy();
      else void text(stream).then((said) => stream.end(said));
    });
    const unwanted = client.open({ streamtype: 'unwanted' });
    await new Promise((resolve) => unwanted.once('close', resolve));
    const wanted = client.open({ streamtype: 'wanted' });
    wanted.end('still here');
    expect(await text(wanted)).toBe('still here');
  });

  it('refuses streams where nobody takes them', async () => {
    const { client } = await pair();
    const stream = client.open({ streamtype: 'data' });
    await new Promise((resolve) => stream.once('close', resolve));
    expect(stream.destroyed).toBe(true);
  });

  it('closes all streams when the connection ends', async () => {
    const { client, server } = await pair(() => undefined);
    const stream = client.open({ streamtype: 'data' });
    const closed = new Promise((resolve) => stream.once('close', resolve));
    server.destroy();
    await client.closed;
    await closed;
  });
});
