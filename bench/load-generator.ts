// Creates ConfigMaps of 2 KB as fast as some clients can, each with one request at a time:
// node load-generator.js h1|h1s|h2 PORT CLIENTS SECONDS PREFIX. Prints one line of JSON.
import { connect as connectPlainly } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import { openRawHttp2 } from './raw-http2.ts';

export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

type Send = (body: Buffer) => Promise<number>;

const path = '/api/v1/namespaces/default/configmaps';
/** Connections of all HTTP/2 clients together. */
const maxSessions = 8;
const data = { text: 'x'.repeat(1850) };

/** HTTP/1.1 by hand: the generator shares the machine with the server, so it must cost next to nothing. */
function http1Client(port: number, secure: boolean): Promise<Send> {
  const where = { host: '127.0.0.1', port };
  const socket = secure ? connectSecurely({ ...where, rejectUnauthorized: false }) : connectPlainly(where);
  socket.setNoDelay(true);
  let settle: (status: number) => void = () => undefined;
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    const end = received.indexOf('\r\n\r\n');
    const length = end < 0 ? NaN : Number(/content-length: (\d+)/i.exec(received)?.[1]);
    if (!(received.length >= end + 4 + length)) return;
    const status = Number(received.slice(9, 12));
    received = '';
    settle(status);
  });
  const head = `POST ${path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer bench\r\ncontent-type: application/json\r\naccept: application/json\r\ncontent-length: `;
  const send: Send = (body) =>
    new Promise((resolve) => {
      settle = resolve;
      socket.write(`${head}${body.length}\r\n\r\n${body.toString('latin1')}`, 'latin1');
    });
  return new Promise((resolve, reject) => {
    socket.once(secure ? 'secureConnect' : 'connect', () => resolve(send)).once('error', reject);
  });
}

/** HTTP/2 by hand as well. Without its compressed status line: what was not created is answered with a Status. */
async function http2Client(port: number): Promise<Send> {
  const post = await openRawHttp2(port, [
    [':method', 'POST'],
    [':scheme', 'https'],
    [':authority', 'bench'],
    [':path', path],
    ['authorization', 'Bearer bench'],
    ['content-type', 'application/json'],
    ['accept', 'application/json'],
  ]);
  return async (body) => {
    const answer = await post(body);
    if (answer.includes('"uid":"') && answer.includes('"kind":"ConfigMap"')) return 201;
    throw new Error(`a create was answered with ${answer.slice(0, 500)}`);
  };
}

async function generate(
  protocol: string,
  port: number,
  load: { clients: number; seconds: number; prefix: string },
): Promise<LoadResult> {
  const { clients, seconds, prefix } = load;
  const open = (): Promise<Send> => (protocol === 'h2' ? http2Client(port) : http1Client(port, protocol === 'h1s'));
  // As Go's clients do, those of HTTP/2 share connections.
  const connections = protocol === 'h2' ? Math.min(clients, maxSessions) : clients;
  const opened = await Promise.all(Array.from({ length: connections }, open));
  const senders = Array.from({ length: clients }, (_, client) => opened[client % connections]!);
  const delays: number[] = [];
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const loop = async (send: Send, client: number): Promise<void> => {
    for (let i = 0; performance.now() < endMs; i++) {
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${prefix}-${client}-${i}` }, data };
      const body = Buffer.from(JSON.stringify(object));
      const fromMs = performance.now();
      const status = await send(body);
      if (status !== 201) throw new Error(`a create was answered with ${status}`);
      delays.push(performance.now() - fromMs);
    }
  };
  await Promise.all(senders.map(loop));
  delays.sort((a, b) => a - b);
  const at = (share: number): number => delays[Math.floor((delays.length - 1) * share)] ?? NaN;
  return { perSecond: delays.length / ((performance.now() - startMs) / 1000), p50Ms: at(0.5), p99Ms: at(0.99) };
}

const [protocol, port, clients, seconds, prefix] = process.argv.slice(2) as [string, string, string, string, string];
console.log(
  JSON.stringify(
    await generate(protocol, Number(port), { clients: Number(clients), seconds: Number(seconds), prefix }),
  ),
);
process.exit(0);
