import { createServer, type Server } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { aContainer } from '../../testing/index.ts';
import { ask } from './ask.ts';
import type { Answer, AskTarget, Handler } from './ask-target.ts';
import { runHook } from './run-hook.ts';
import { systemClock } from '../../clock/index.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listen(server: Pick<Server, 'listen' | 'once' | 'address' | 'close'>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

function targetOf(port: number, exec?: AskTarget['exec']): AskTarget {
  return {
    container: aContainer({ ports: [{ name: 'web', containerPort: port, protocol: 'TCP' }] }),
    address: '127.0.0.1',
    exec,
  };
}

const never = new AbortController().signal;
const askAt = (port: number, handler: Handler): Promise<Answer> => ask(handler, targetOf(port), never);

/** A port on which nobody listens: one that was just given back. */
async function freePort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server as unknown as Server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('an HTTP probe', () => {
  const web = async (): Promise<{ port: number; seen: { url: string; headers: Record<string, unknown> }[] }> => {
    const seen: { url: string; headers: Record<string, unknown> }[] = [];
    const server = createServer((request, response) => {
      seen.push({ url: request.url!, headers: request.headers });
      if (request.url === '/circle') {
        response.writeHead(302, { location: '/circle' }).end();
        return;
      }
      const [, status = '200', to] = /^\/(\d+)(?:\?to=(.*))?/.exec(request.url!) ?? [];
      response.writeHead(Number(status), to === undefined ? {} : { location: decodeURIComponent(to) });
      response.end('body');
    });
    return { port: await listen(server), seen };
  };

  it.each([
    ['/200', 'success', 'body'],
    ['/399', 'success', 'body'],
    ['/400', 'failure', 'HTTP probe failed with statuscode: 400'],
    ['/503', 'failure', 'HTTP probe failed with statuscode: 503'],
    ['/302?to=/200', 'success', 'body'],
    ['/302?to=/500', 'failure', 'HTTP probe failed with statuscode: 500'],
    ['/302?to=http%3A%2F%2Fexample.invalid%2F', 'success', 'Probe terminated redirects, Response body: body'],
  ])('judges %s as %s', async (path, result, output) => {
    const { port } = await web();
    expect(await askAt(port, { httpGet: { path, port, scheme: 'HTTP' } })).toEqual({ result, output });
  });

  it('ends a circle of redirects', async () => {
    const { port } = await web();
    const { result, output } = await askAt(port, { httpGet: { path: '/circle', port } });
    expect([result, output]).toEqual(['failure', `Get "http://127.0.0.1:${port}/circle": stopped after 10 redirects`]);
  });

  it('sends the headers of the manifest and finds ports by name', async () => {
    const { port, seen } = await web();
    const httpHeaders = [
      { name: 'X-One', value: '1' },
      { name: 'user-agent', value: 'me' },
    ];
    await askAt(port, { httpGet: { path: 'bare', port: 'web', httpHeaders } });
    expect(seen[0]).toMatchObject({ url: '/bare', headers: { 'x-one': '1', 'user-agent': 'me', accept: '*/*' } });
  });

  it('fails where nobody listens, and for a port name that does not exist', async () => {
    const port = await freePort();
    const refused = await askAt(port, { httpGet: { path: '/x', port } });
    expect(refused).toEqual({
      result: 'failure',
      output: `Get "http://127.0.0.1:${port}/x": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    });
    const unnamed = await askAt(port, { httpGet: { path: '/x', port: 'nope' } });
    expect(unnamed.output).toBe(`couldn't find port: "nope" in container main`);
  });

  it('fails when its time is up', async () => {
    const port = await listen(createServer(() => undefined));
    const limit = new AbortController();
    const answer = ask({ httpGet: { path: '/', port } }, targetOf(port), limit.signal);
    limit.abort();
    expect((await answer).output).toContain('context deadline exceeded');
  });
});

describe('a TCP probe', () => {
  it('succeeds where somebody listens and fails elsewhere', async () => {
    const port = await listen(createTcpServer() as unknown as Server);
    expect(await askAt(port, { tcpSocket: { port } })).toMatchObject({ result: 'success' });
    const other = await freePort();
    expect(await askAt(other, { tcpSocket: { port: other } })).toEqual({
      result: 'failure',
      output: `dial tcp 127.0.0.1:${other}: connect: connection refused`,
    });
  });
});

describe('a gRPC probe', () => {
  /** A health service that knows one name. */
  async function health(status: number, grpcStatus = '0'): Promise<number> {
    const server = createHttp2Server();
    server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const service = Buffer.concat(chunks).subarray(7).toString();
        const known = headers[':path'] === '/grpc.health.v1.Health/Check' && (service === '' || service === 'db');
        const answer = known ? grpcStatus : '5';
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': answer }));
        stream.end(answer === '0' ? Buffer.from([0, 0, 0, 0, 2, 0x08, status]) : undefined);
      });
    });
    return listen(server as unknown as Server);
  }

  it.each([
    [1, '0', undefined, 'success', 'service healthy'],
    [1, '0', 'db', 'success', 'service healthy'],
    [2, '0', undefined, 'failure', 'service unhealthy (responded with "NOT_SERVING")'],
    [1, '0', 'other', 'failure', 'error: health rpc failed with gRPC status 5'],
    [
      1,
      '12',
      undefined,
      'failure',
      'error: this server does not implement the grpc health protocol (grpc.health.v1.Health)',
    ],
  ])('of status %s, gRPC status %s, service %s is a %s', async (status, grpcStatus, service, result, output) => {
    const port = await health(status, grpcStatus);
    expect(await askAt(port, { grpc: { port, service } })).toEqual({ result, output });
  });

  it('fails where nobody listens', async () => {
    const port = await freePort();
    const { result, output } = await askAt(port, { grpc: { port } });
    expect([result, output]).toEqual([
      'failure',
      `timeout: failed to connect service "127.0.0.1:${port}": connect: connection refused`,
    ]);
  });
});

describe('an exec probe', () => {
  it('is judged by its exit code and shows its output', async () => {
    const run = (exitCode: number): Promise<Answer> =>
      ask(
        { exec: { command: ['x'] } },
        targetOf(1, () => Promise.resolve({ exitCode, output: 'said' })),
        never,
      );
    expect(await run(0)).toEqual({ result: 'success', output: 'said' });
    expect(await run(1)).toEqual({ result: 'failure', output: 'said' });
  });
});

describe('a lifecycle hook', () => {
  const hook = (handler: Handler, port: number): Promise<Answer> =>
    runHook(handler, targetOf(port), { clock: systemClock, signal: never });

  it('over HTTP only has to reach the server', async () => {
    const port = await listen(
      createServer((_, response) => {
        response.writeHead(500).end();
      }),
    );
    expect(await hook({ httpGet: { path: '/', port } }, port)).toMatchObject({ result: 'success' });
    const nobody = await freePort();
    expect(await hook({ httpGet: { path: '/', port: nobody } }, nobody)).toMatchObject({ result: 'failure' });
  });

  it('cannot be a TCP socket', async () => {
    expect(await hook({ tcpSocket: { port: 80 } }, 80)).toEqual({
      result: 'failure',
      output: 'invalid handler: tcpSocket',
    });
  });
});
