import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { HTTPGetAction } from '../../api/index.ts';
import { maxOutputBytes, portNumber, type Answer, type AskTarget } from './ask-target.ts';
import { connectProblem } from './ask-tcp.ts';

const maxRedirects = 10;

/**
 * GET: 200 to 399 is a success. Redirects are followed on the same host only; one to another host is a success that
 * says so. Certificates are not checked (kubelet `prober/http`).
 */
export async function askHttp(action: HTTPGetAction, target: AskTarget, signal: AbortSignal): Promise<Answer> {
  const headers = headersOf(action);
  let url = urlOf(action, target);
  for (let redirects = 0; ; redirects++) {
    const { status, location, body } = await get(url, headers, signal);
    if (status >= 300 && status < 400 && location !== undefined) {
      const next = new URL(location, url);
      if (next.hostname !== url.hostname)
        return { result: 'success', output: `Probe terminated redirects, Response body: ${body}` };
      if (redirects >= maxRedirects) throw new Error(`Get "${url.href}": stopped after ${maxRedirects} redirects`);
      url = next;
      continue;
    }
    if (status >= 200 && status < 400) return { result: 'success', output: body };
    return { result: 'failure', output: `HTTP probe failed with statuscode: ${status}` };
  }
}

/** GET whose answer does not matter: a lifecycle hook only has to reach the server (kubelet `lifecycle/handlers.go`). */
export async function reachHttp(action: HTTPGetAction, target: AskTarget, signal: AbortSignal): Promise<Answer> {
  await get(urlOf(action, target), headersOf(action), signal);
  return { result: 'success', output: '' };
}

function urlOf(action: HTTPGetAction, target: AskTarget): URL {
  const host = action.host === undefined || action.host === '' ? target.address : action.host;
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  const path = action.path ?? '/';
  const port = portNumber(action.port, target.container);
  return new URL(
    `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path.startsWith('/') ? '' : '/'}${path}`,
  );
}

function headersOf(action: HTTPGetAction): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    'User-Agent': 'kube-probe/1.35',
    Accept: '*/*',
    Connection: 'close',
  };
  for (const { name = '', value = '' } of action.httpHeaders ?? []) {
    const known = Object.keys(headers).find((key) => key.toLowerCase() === name.toLowerCase());
    if (known !== undefined) delete headers[known];
    // An empty value takes a default header away.
    if (value !== '') headers[name] = value;
  }
  return headers;
}

interface Response {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

function get(url: URL, headers: Record<string, string | string[]>, signal: AbortSignal): Promise<Response> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      const why = signal.aborted
        ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        : `dial tcp ${url.host}: ${connectProblem(error)}`;
      reject(new Error(`Get "${url.href}": ${why}`, { cause: error }));
    };
    const options = { headers, signal, agent: false, rejectUnauthorized: false };
    const request = url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options);
    request.once('error', fail);
    request.once('response', (response) => {
      readBody(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, location: response.headers.location, body }),
        fail,
      );
    });
    request.end();
  });
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= maxOutputBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, maxOutputBytes);
}
