// The server side of W5: node api-server-process.js rondo DIR | node api-server-process.js bare DIR. Says where it
// answers on its first line, and on every line that it reads how much CPU it has used.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ensureCertificates } from '../src/engine/certificates.ts';
import { createEngine, createRuntime, systemClock, systemRandom } from '../src/engine/index.ts';
import { openDiskStore } from '../src/store/index.ts';
import { log } from './test-engines.ts';

export interface Addresses {
  readonly plain: number;
  /** 0: no TLS. */
  readonly tls: number;
}

const token = 'bench';

async function rondo(dataPath: string): Promise<Addresses> {
  const clock = systemClock;
  const store = await openDiskStore({ directory: join(dataPath, 'store'), clock, log });
  const runtime = await createRuntime(
    'simulated',
    {
      pods: join(dataPath, 'pods'),
      sandboxes: join(dataPath, 'sandboxes'),
      cri: join(dataPath, 'cri'),
      images: join(dataPath, 'images'),
    },
    { log },
  );
  const engine = createEngine({ clock, random: systemRandom, log, store, runtimes: [runtime] });
  const directory = join(dataPath, 'pki');
  const certificates = await ensureCertificates({ directory, hosts: [], nowMs: clock.now(), random: systemRandom });
  const tokens = new Map([[token, { name: 'admin', groups: ['system:masters'] }]]);
  const tls = { cert: certificates.serverCert, key: certificates.serverKey, clientCa: certificates.ca };
  const plain = await engine.listen({ host: '127.0.0.1', port: 0, tokens });
  const secure = await engine.listen({ host: '127.0.0.1', port: 0, tokens, tls });
  await engine.start();
  return { plain: plain.port, tls: secure.port };
}

/** The limit: node:http that reads a body, parses it and sends it back. */
function bare(): Promise<Addresses> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.stringify(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(201, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      response.end(body);
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ plain: (server.address() as AddressInfo).port, tls: 0 }));
  });
}

const [mode, dataPath] = process.argv.slice(2) as [string, string];
console.log(JSON.stringify(await (mode === 'rondo' ? rondo(dataPath) : bare())));
process.stdin.on('data', () => console.log(JSON.stringify(process.cpuUsage())));
process.stdin.on('end', () => process.exit(0));
