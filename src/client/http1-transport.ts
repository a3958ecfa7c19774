import { Agent, request as startRequest } from 'node:http';
import type { HttpRequest, HttpResponse, Transport, TransportOptions } from './transport.ts';

/** Plain HTTP/1.1 over kept connections. */
export function createHttp1Transport({ server }: TransportOptions): Transport {
  const agent = new Agent({ keepAlive: true });
  return { send: (request, signal) => send(agent, server, request, signal) };
}

function send(agent: Agent, server: URL, sent: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
  const { method, path, headers, body } = sent;
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const { hostname, port } = server;
  return new Promise((resolve, reject) => {
    const options = { agent, hostname, port, method, path, headers: { ...headers, ...length } };
    const request = startRequest(options, (response) => {
      response.once('close', () => signal.removeEventListener('abort', abort));
      resolve({ status: response.statusCode ?? 500, body: response });
    });
    // Not Node's own `signal` option: when the answer is complete already, that raises an error nobody can listen to.
    const abort = (): void => {
      request.destroy();
      reject(new Error('the request was aborted'));
    };
    signal.addEventListener('abort', abort, { once: true });
    request.on('error', (error) => {
      signal.removeEventListener('abort', abort);
      reject(error);
    });
    if (signal.aborted) abort();
    else request.end(body);
  });
}
