// Real parts for the examples, on loopback: a PostgreSQL cluster and an S3-compatible server of their own.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const s3rver = fileURLToPath(new URL('s3/node_modules/.bin/s3rver', import.meta.url));

/** Why the parts (those of all cases, and `more` programs) cannot be had here; undefined: they can. */
export function missingParts(more: readonly string[] = []): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'they need root on Linux';
  const programs = ['age', 'zstd', 'psql', 'pg_dump', 'curl', 'bash', 'setpriv', ...more];
  const missing = programs.filter((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0);
  if (postgresBin() === undefined) missing.push('postgres');
  if (!existsSync(s3rver)) missing.push('s3rver');
  return missing.length === 0 ? undefined : `there is no ${missing.join(', no ')}`;
}

function postgresBin(): string | undefined {
  const base = '/usr/lib/postgresql';
  const versions = existsSync(base) ? readdirSync(base) : [];
  return versions.map((version) => `${base}/${version}/bin`).find((path) => existsSync(`${path}/initdb`));
}

/** Runs a program to its end. @throws Error with what it said */
export function run(
  command: readonly [string, ...string[]],
  options: { input?: string; env?: NodeJS.ProcessEnv } = {},
): string {
  const [program, ...args] = command;
  const { input, env } = options;
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    cwd: '/',
    maxBuffer: 1 << 28,
    ...(input !== undefined && { input }),
    ...(env && { env: { ...process.env, ...env } }),
  });
  if (result.status === 0) return result.stdout;
  throw new Error(`${command.join(' ')}: ${result.status} ${result.stderr}${result.error?.message ?? ''}`);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Sends a signal, and waits for the end. */
export async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await exit;
}

export interface PacedLoad {
  /** Connections that share the queries. */
  readonly clients: number;
  readonly perSecond: number;
  readonly seconds: number;
}

export interface Postgres {
  readonly port: number;
  /** As the superuser. Gives the rows, one a line, fields with `|` between them. */
  query(database: string, sql: string): string;
  /** Asks `sql` again and again (pgbench), so many times a second; latencies in ms, from when each was due. */
  latencies(database: string, sql: string, load: PacedLoad): number[];
  stop(): Promise<void>;
}

/** A cluster with a superuser `postgres` and the given password; answers when this resolves. */
export async function startPostgres(password: string): Promise<Postgres> {
  const bin = postgresBin() ?? '';
  const directory = mkdtempSync(join(tmpdir(), 'rondo-postgres-'));
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(run(['id', flag, 'postgres']))) as [number, number];
  writeFileSync(`${directory}/password`, password);
  for (const path of [directory, `${directory}/password`]) chownSync(path, uid, gid);
  const asPostgres = (...args: string[]): [string, ...string[]] => [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    ...args,
  ];
  const data = `${directory}/data`;
  const auth = ['--auth=scram-sha-256', `--pwfile=${directory}/password`, '--no-sync', '--username=postgres'];
  run(asPostgres(`${bin}/initdb`, '-D', data, ...auth));
  const port = await freePort();
  const settings = ['listen_addresses=127.0.0.1', `unix_socket_directories=${directory}`, 'fsync=off'];
  const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
  const [program, ...rest] = asPostgres(`${bin}/postgres`, ...args);
  const child = spawn(program, rest, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  await until(child, 'stderr', /ready to accept connections/);
  const client = (name: string, database: string): [string, ...string[]] => [
    name,
    ...['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', ...(name === 'psql' ? ['-d', database] : [])],
  ];
  const env = { PGPASSWORD: password };
  return {
    port,
    query: (database, sql) =>
      run([...client('psql', database), '-qAt', '-v', 'ON_ERROR_STOP=1'], { input: sql, env }).trim(),
    latencies: (database, sql, { clients, perSecond, seconds }) => {
      const [log, script] = [`${directory}/log`, `${directory}/script`];
      writeFileSync(script, sql);
      const pace = ['-n', '-f', script, '-c', String(clients), '-R', String(perSecond)];
      const output = ['-T', String(seconds), '-l', `--log-prefix=${log}`];
      run([`${bin}/pgbench`, ...client('pgbench', database).slice(1), ...pace, ...output, database], { env });
      const [name] = readdirSync(directory).filter((file) => file.startsWith('log.'));
      const lines = readFileSync(`${directory}/${name}`, 'utf8').trim().split('\n');
      rmSync(`${directory}/${name}`);
      return lines.map((line) => Number(line.split(' ')[2]) / 1000);
    },
    stop: async () => {
      await ended(child, 'SIGINT');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface Bucket {
  readonly endpoint: string;
  /** Keys of all objects. */
  keys(): string[];
  /** Puts an object there that is as old as this, around the server. */
  plant(key: string, bytes: Buffer, modified: Date): void;
  /** What an object holds. */
  read(key: string): Buffer;
  stop(): Promise<void>;
}

/** The account that s3rver knows. It looks at the name alone: signatures of version 4 it does not check. */
export const s3Account = { user: 'S3RVER', secret: 'S3RVER' };

/** An S3-compatible server with one empty bucket, `backups`; with `sizeKilobytes` on a disk of that size (tmpfs). */
export async function startBucket(options: { readonly sizeKilobytes?: number } = {}): Promise<Bucket> {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-s3-'));
  const { sizeKilobytes } = options;
  if (sizeKilobytes !== undefined) run(['mount', '-t', 'tmpfs', '-o', `size=${sizeKilobytes}k`, 'tmpfs', directory]);
  mkdirSync(`${directory}/tmp`);
  const port = await freePort();
  const args = [
    '--directory',
    directory,
    '--address',
    '127.0.0.1',
    '--port',
    String(port),
    '--configure-bucket',
    'backups',
  ];
  const child = spawn(process.execPath, [s3rver, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  await until(child, 'stdout', /S3rver listening/);
  const objects = (path: string): string[] =>
    readdirSync(path).flatMap((name) =>
      statSync(`${path}/${name}`).isDirectory() ? objects(`${path}/${name}`) : [`${path}/${name}`],
    );
  return {
    endpoint: `http://127.0.0.1:${port}`,
    keys: () =>
      objects(`${directory}/backups`)
        .filter((path) => path.endsWith('._S3rver_object'))
        .map((path) => path.slice(`${directory}/backups/`.length, -'._S3rver_object'.length))
        .toSorted(),
    plant: (key, bytes, modified) => {
      const path = `${directory}/backups/${key}`;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(`${path}._S3rver_metadata.json`, '{"content-type":"application/octet-stream"}');
      writeFileSync(`${path}._S3rver_object`, bytes);
      utimesSync(`${path}._S3rver_object`, modified, modified);
    },
    read: (key) => readFileSync(`${directory}/backups/${key}._S3rver_object`),
    stop: async () => {
      await ended(child, 'SIGTERM');
      if (sizeKilobytes !== undefined) run(['umount', directory]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Reads what a child says until it has said this. What comes later is read and dropped. */
function until(child: ChildProcess, stream: 'stdout' | 'stderr', wanted: RegExp): Promise<void> {
  let said = '';
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${said}`)));
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-10_000);
      if (wanted.test(said)) resolve();
    });
  });
}
