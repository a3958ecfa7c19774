// A real nginx on loopback, and clients that number their requests.
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep, systemClock } from '../../src/clock/index.ts';
import { ended, freePort, run } from './parts.ts';

export interface WebServer {
  /** Its logs lie here, on a disk of their own. */
  readonly logs: string;
  readonly pidFile: string;
  /** Clients that ask for /?n=0, 1, 2 … one to two thousand times a second, until stopped. */
  load(firstNumber: number): Load;
  /** Ends when the last request has been logged. */
  quit(): Promise<void>;
  /** Ends what is left, and gives the disk back. */
  remove(): void;
}

export interface Load {
  /** Gives the number of the first request that was not sent: all before it have been answered. */
  stop(): Promise<number>;
}

/** Four requests at a time; says at the end how far it came. A process of its own, because tests wait for kubectl. */
const clients = `
  import { Agent, get } from 'node:http';
  import { setTimeout as pause } from 'node:timers/promises';
  let [next, stop] = [Number(process.argv[2]), false];
  process.on('SIGTERM', () => (stop = true));
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const one = (n) => new Promise((resolve, reject) => {
    get({ port: process.argv[1], path: '/?n=' + n, agent }, (answer) => answer.resume().on('end', () =>
      answer.statusCode === 204 ? resolve() : reject(new Error(answer.statusCode)))).on('error', reject);
  });
  await Promise.all(Array.from({ length: 4 }, async () => { while (!stop) { await one(next++); await pause(1); } }));
  console.log(next);
  process.exit(0);`;

/** Debian's nginx with two workers, whose logs lie on a disk (tmpfs) of `diskKilobytes`. */
export async function startWebServer(diskKilobytes: number): Promise<WebServer> {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-nginx-'));
  const [logs, pidFile, config] = [`${directory}/logs`, `${directory}/nginx.pid`, `${directory}/nginx.conf`];
  // The workers open their logs again by themselves.
  chmodSync(directory, 0o755);
  mkdirSync(logs);
  run(['mount', '-t', 'tmpfs', '-o', `size=${diskKilobytes}k`, 'tmpfs', logs]);
  const port = await freePort();
  writeFileSync(
    config,
    `daemon off; user www-data; worker_processes 2; pid ${pidFile}; error_log ${logs}/error.log;
     events {} http {
       log_format numbered '$arg_n $time_iso8601 $request_id';
       access_log ${logs}/access.log numbered; keepalive_requests 100000;
       server { listen 127.0.0.1:${port}; location / { return 204; } }
     }`,
  );
  const server = spawn('/usr/sbin/nginx', ['-c', config], { stdio: 'inherit' });
  while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8') === '') await sleep(systemClock, 10);
  return {
    logs,
    pidFile,
    load: (firstNumber) => new Clients(port, firstNumber),
    quit: () => ended(server, 'SIGQUIT'),
    remove: () => {
      run(['umount', logs]);
      rmSync(directory, { recursive: true });
    },
  };
}

class Clients implements Load {
  readonly #child: ChildProcess;
  #said = '';

  constructor(port: number, firstNumber: number) {
    const args = ['--input-type=module', '-e', clients, String(port), String(firstNumber)];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
  }

  async stop(): Promise<number> {
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGTERM');
    await closed;
    return Number(this.#said);
  }
}
