import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { SpdyConnection } from '../../spdy/index.ts';

/**
 * Goes to an address that the runtime has given for one stream, and speaks SPDY there.
 * @throws (rejects) Error
 */
export async function upgrade(url: string, protocol: string): Promise<SpdyConnection> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol };
    // The certificate is one that the runtime made for itself; the address came over its socket.
    const options = { method: 'POST', headers, agent: false, rejectUnauthorized: false };
    const request = url.startsWith('https:') ? tlsRequest(url, options) : plainRequest(url, options);
    request.on('error', reject);
    request.on('upgrade', (_response, connection: Socket, head: Buffer) => {
      if (head.length > 0) connection.unshift(head);
      resolve(connection);
    });
    request.on('response', (response) => reject(refusal(response)));
    request.end();
  });
  socket.setNoDelay(true);
  return new SpdyConnection(socket);
}

function refusal(response: IncomingMessage): Error {
  response.destroy();
  return new Error(`the container runtime answered ${response.statusCode} ${response.statusMessage ?? ''}`);
}
