// W5: durable creates over HTTP, server and clients in processes of their own.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Addresses } from './api-server-process.ts';
import type { LoadResult } from './load-generator.ts';
import { median, row, type Row, type RunOptions, type Workload } from './measure.ts';
import { temporaryDirectory } from './temporary.ts';

const targets = new Map([
  [1, 1500],
  [16, 6000],
  [64, 8000],
]);

type Protocol = 'h1' | 'h1s' | 'h2';
const protocols: readonly Protocol[] = ['h1', 'h1s', 'h2'];
const nameOf: Record<Protocol, string> = { h1: 'plain HTTP/1.1', h1s: 'TLS, HTTP/1.1', h2: 'TLS, HTTP/2' };

export const apiWrite: Workload = {
  name: 'api-write',
  title: 'W5 durable creates of a 2 KB object over HTTP',
  run: async (options) => {
    const [rondo, bare] = [await Server.start('rondo'), await Server.start('bare')];
    try {
      return await measure(rondo, bare, options);
    } finally {
      rondo.stop();
      bare.stop();
    }
  },
};

async function measure(rondo: Server, bare: Server, { quick }: RunOptions): Promise<readonly Row[]> {
  const [seconds, rounds] = quick ? [1, 1] : [3, 3];
  for (const protocol of protocols) await rondo.load(protocol, 16, quick ? 2 : 4);
  await bare.load('h1', 16, 1);
  const disk = Array.from({ length: rounds }, () => diskWritesPerSecond(seconds / 3));
  const rows = [row('disk: 4 KB O_DSYNC overwrites, one at a time', 'writes/s', disk)];
  for (const [clients, atLeast] of targets) {
    const runs: Record<Protocol | 'bare', Load[]> = { h1: [], h1s: [], h2: [], bare: [] };
    for (let round = 0; round < rounds; round++) {
      runs.bare.push(await bare.load('h1', clients, seconds));
      for (const protocol of protocols) runs[protocol].push(await rondo.load(protocol, clients, seconds));
    }
    const echo = { what: 'bare node:http echo', value: median(runs.bare.map((run) => run.perSecond)) };
    // One client alone waits for one write to the disk each time.
    const oneByOne = { what: 'bare disk', value: Math.min(median(disk), echo.value) };
    const limit = clients === 1 ? oneByOne : echo;
    for (const protocol of protocols) {
      const name = nameOf[protocol];
      const what = `${clients} client${clients > 1 ? 's' : ''}, ${name}`;
      rows.push(
        row(
          what,
          'creates/s',
          runs[protocol].map((run) => run.perSecond),
          { limit, target: { atLeast } },
        ),
      );
      rows.push(
        row(
          '… p99',
          'ms',
          runs[protocol].map((run) => run.p99Ms),
        ),
      );
      rows.push(
        row(
          '… CPU of the server per create',
          'µs',
          runs[protocol].map((run) => run.cpuMicros),
        ),
      );
    }
  }
  return rows;
}

interface Load extends LoadResult {
  readonly cpuMicros: number;
}

class Server {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #addresses: Addresses;
  #loads = 0;

  private constructor(child: ChildProcess, lines: Interface, addresses: Addresses) {
    this.#child = child;
    this.#lines = lines;
    this.#addresses = addresses;
  }

  static async start(mode: 'rondo' | 'bare'): Promise<Server> {
    const child = spawn(
      process.execPath,
      ['--max-semi-space-size=32', script('api-server-process'), mode, temporaryDirectory()],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    const lines = createInterface({ input: child.stdout });
    const [first] = (await once(lines, 'line')) as [string];
    return new Server(child, lines, JSON.parse(first) as Addresses);
  }

  async load(protocol: Protocol, clients: number, seconds: number): Promise<Load> {
    const port = protocol === 'h1' ? this.#addresses.plain : this.#addresses.tls;
    const args = [protocol, port, clients, seconds, `load-${this.#loads++}`].map(String);
    const before = await this.#cpuMicros();
    const { stdout } = await promisify(execFile)(process.execPath, [script('load-generator'), ...args]);
    const result = JSON.parse(stdout) as LoadResult;
    return { ...result, cpuMicros: ((await this.#cpuMicros()) - before) / (result.perSecond * seconds) };
  }

  stop(): void {
    this.#child.stdin?.end();
  }

  async #cpuMicros(): Promise<number> {
    const answered = once(this.#lines, 'line') as Promise<[string]>;
    this.#child.stdin?.write('cpu\n');
    const { user, system } = JSON.parse((await answered)[0]) as NodeJS.CpuUsage;
    return user + system;
  }
}

function script(name: string): string {
  return fileURLToPath(new URL(`./${name}.js`, import.meta.url));
}

function diskWritesPerSecond(seconds: number): number {
  const path = join(temporaryDirectory(), 'limit');
  const zeros = Buffer.alloc(4096);
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC);
  const blocks = 1024;
  writeSync(fd, Buffer.alloc(4096 * blocks), 0, 4096 * blocks, 0);
  const startMs = performance.now();
  let writes = 0;
  for (; performance.now() - startMs < seconds * 1000; writes++)
    writeSync(fd, zeros, 0, 4096, (writes % blocks) * 4096);
  closeSync(fd);
  return writes / ((performance.now() - startMs) / 1000);
}
