// `rondo up` as a process of its own, as users run it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createHttpClient, loadKubeconfig, type Client } from '../src/client/index.ts';
import { systemClock, systemRandom } from '../src/engine/index.ts';

/** From .cache/bench/bench/ to what `bin/rondo` runs. */
const main = fileURLToPath(new URL('../../../dist/program/main.js', import.meta.url));

export interface RondoProcess {
  readonly pid: number;
  /** From the exec to the line that says ready. */
  readonly readyMs: number;
  client(): Client;
  stop(): Promise<void>;
}

export interface UpOptions {
  readonly dataPath: string;
  readonly port?: number;
  readonly runtime?: 'process' | 'simulated';
}

/** Starts the engine and waits for its ready line. */
export async function startRondo({ dataPath, port = 0, runtime = 'process' }: UpOptions): Promise<RondoProcess> {
  const startMs = performance.now();
  const args = [main, 'up', '--data-dir', dataPath, '--listen', `127.0.0.1:${port}`, '--runtime', runtime];
  const child = spawn(process.execPath, ['--max-semi-space-size=32', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await readyLine(child);
  const readyMs = performance.now() - startMs;
  const { pid } = child;
  if (pid === undefined) throw new Error('rondo has no process');
  const stop = async (): Promise<void> => {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  };
  return { pid, readyMs, client: () => clientOf(dataPath), stop };
}

function clientOf(dataPath: string): Client {
  const access = loadKubeconfig(readFileSync(join(dataPath, 'kubeconfig'), 'utf8'));
  return createHttpClient({ ...access, clock: systemClock, random: systemRandom });
}

function readyLine(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (text: Buffer) => {
      if (text.toString().includes('ready')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`rondo up ended with ${code}`)));
  });
}

/** From the exec until pods are listed over TLS by a client that knows port and token. */
export async function millisUntilFirstAnswer(dataPath: string): Promise<{ answeredMs: number; readyMs: number }> {
  const port = await freePort();
  const startMs = performance.now();
  const starting = startRondo({ dataPath, port });
  let answeredMs = NaN;
  while (Number.isNaN(answeredMs)) {
    if (await listsPods(port, join(dataPath, 'token'))) answeredMs = performance.now() - startMs;
    else await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const rondo = await starting;
  await rondo.stop();
  return { answeredMs, readyMs: rondo.readyMs };
}

function listsPods(port: number, tokenFile: string): Promise<boolean> {
  if (!existsSync(tokenFile)) return Promise.resolve(false);
  const token = readFileSync(tokenFile, 'utf8').trim();
  const options = { port, path: '/api/v1/namespaces/default/pods?limit=500', rejectUnauthorized: false };
  return new Promise((resolve) => {
    const asked = request({ ...options, headers: { authorization: `Bearer ${token}` } }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode === 200));
    });
    asked.once('error', () => resolve(false)).end();
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** What starting Node alone costs: the limit of every start. */
export async function bareNodeMillis(): Promise<number> {
  const startMs = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
  return performance.now() - startMs;
}
