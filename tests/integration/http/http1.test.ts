import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { scriptedOperations, storedObject } from './scripted-operations.ts';
import { masterToken, startTestServer, type TestServer } from './test-server.ts';

/** Answers get requests in the order that the test wants. */
function operationsThatAnswer(names: string[]): ReturnType<typeof scriptedOperations> {
  return scriptedOperations({
    get: async (_request, ref) => {
      // The first name is answered last.
      for (let turns = ref.name === 'a' ? 20 : 0; turns > 0; turns--)
        await new Promise((resolve) => setImmediate(resolve));
      names.push(ref.name);
      const metadata = { name: ref.name, uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
      return storedObject({ metadata });
    },
  });
}

/** Sends raw bytes on one connection and gives back what comes until the server closes it. */
async function talk(server: TestServer, requests: readonly string[]): Promise<string> {
  const socket = connect(server.listening.port, '127.0.0.1');
  socket.write(requests.join(''));
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function request(line: string, headers: readonly string[] = [], body = ''): string {
  const all = ['host: x', `authorization: Bearer ${masterToken}`, `content-length: ${body.length}`, ...headers];
  return `${line} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n${body}`;
}

const pods = '/api/v1/namespaces/default/pods';

describe('an HTTP/1.1 connection', () => {
  it('answers pipelined requests in their order, whichever is done first', async () => {
    const done: string[] = [];
    const server = await startTestServer({ operations: operationsThatAnswer(done) });
    const answers = await talk(server, [
      request(`GET ${pods}/a`),
      request(`GET ${pods}/b`),
      request(`GET ${pods}/c`, ['connection: close']),
    ]);
    expect(done).toEqual(['b', 'c', 'a']);
    expect([...answers.matchAll(/"name":"(.)"/g)].map((match) => match[1])).toEqual(['a', 'b', 'c']);
  });

  it('goes on after bodies that are too large, announced or not', async () => {
    const server = await startTestServer({ operations: operationsThatAnswer([]) });
    const body = ' '.repeat(4 << 20);
    const chunked = `POST ${pods} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${masterToken}\r\ntransfer-encoding: chunked\r\n\r\n`;
    const answers = await talk(server, [
      request(`POST ${pods}`, [], body),
      `${chunked}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      request(`GET ${pods}/b`, ['connection: close']),
    ]);
    expect([...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])).toEqual(['413', '413', '200']);
  });

  it('is refused when it is not HTTP', async () => {
    const server = await startTestServer({ operations: operationsThatAnswer([]) });
    expect(await talk(server, ['hello\r\n\r\n'])).toContain('HTTP/1.1 400 Bad Request');
    expect((await server.send('GET', '/livez')).body).toBe('ok');
  });

  it('ignores bodies of requests that have none', async () => {
    const server = await startTestServer({ operations: operationsThatAnswer([]) });
    const answers = await talk(server, [
      request(`GET ${pods}/b`, [], 'unasked'),
      request(`GET ${pods}/c`, ['connection: close']),
    ]);
    expect([...answers.matchAll(/"name":"(.)"/g)].map((match) => match[1])).toEqual(['b', 'c']);
  });
});
