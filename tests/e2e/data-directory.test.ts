import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { rawRequest, type RawAnswer } from './api.ts';
import { removeDirectory, runRondo, startRondo, temporaryDirectory, type KubectlResult, type Rondo } from './rondo.ts';
import { deferred, withDeadline } from './waiting.ts';

const engines: Rondo[] = [];
const directories: string[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.stop('SIGKILL');
  for (const path of directories.splice(0)) removeDirectory(path);
});

function directory(): string {
  const path = temporaryDirectory();
  directories.push(path);
  return path;
}

/** A directory that an engine has used and left, with a few objects in it. */
async function usedDirectory(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<string> {
  const rondo = await startRondo({ dataDir: directory() });
  for (const name of ['one', 'two', 'three']) {
    const answer = await createConfigMap(rondo, name, name.repeat(100));
    expect(answer.code).toBe(201);
  }
  await rondo.stop(signal);
  return rondo.dataDir;
}

function createConfigMap(rondo: Pick<Rondo, 'url' | 'dataDir'>, name: string, value: string): Promise<RawAnswer> {
  const body = JSON.stringify({ metadata: { name }, data: { value } });
  return rawRequest(rondo, { method: 'POST', path: '/api/v1/namespaces/default/configmaps', body });
}

const upIn = (dataDir: string): KubectlResult => runRondo(['up', '--data-dir', dataDir, '--listen', '127.0.0.1:0']);

/** One line on standard error, nothing on standard output, exit code 1. */
function expectRefusal(result: KubectlResult, message: string | RegExp): void {
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toMatch(message);
  expect(result.stderr.trimEnd().split('\n'), result.stderr).toHaveLength(1);
}

it('without the key of its Secrets is refused, and works again when the key is back', async () => {
  const dataDir = directory();
  const rondo = await startRondo({ dataDir });
  const body = JSON.stringify({ metadata: { name: 'key' }, stringData: { password: 'hunter2' } });
  const made = await rawRequest(rondo, { method: 'POST', path: '/api/v1/namespaces/default/secrets', body });
  expect(made.code).toBe(201);
  await rondo.stop();
  const file = join(dataDir, 'pki/secrets.key');
  const key = readFileSync(file);
  rmSync(file);
  expectRefusal(
    upIn(dataDir),
    /the key that Secrets are sealed with is missing: put .*secrets\.key back, every backup holds it/,
  );
  writeFileSync(file, `${Buffer.alloc(32).toString('base64')}\n`);
  expectRefusal(upIn(dataDir), /the key that Secrets are sealed with is another one/);
  writeFileSync(file, 'nonsense');
  expectRefusal(upIn(dataDir), /secrets\.key holds no key for Secrets/);
  writeFileSync(file, key);
  const again = await startRondo({ dataDir });
  engines.push(again);
  const { stdout } = again.kubectl(['get', 'secret', 'key', '-o', 'jsonpath={.data.password}']);
  expect(Buffer.from(stdout, 'base64').toString()).toBe('hunter2');
});

/** All files below a directory with what is in them, except lock files: who holds the lock changes at every start. */
function contentsOf(path: string): Map<string, string> {
  const names = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('lock.'))
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(names.map((name) => [name, readFileSync(name, 'base64')]));
}

describe('a data directory that cannot be used', () => {
  it('below a file is refused with one line', () => {
    const file = join(directory(), 'file');
    writeFileSync(file, '');
    const path = join(file, 'data');
    expectRefusal(upIn(path), `rondo up: the data directory ${path} cannot be used: a part of the path is not a dir`);
    expect(readFileSync(file, 'utf8')).toBe('');
  });

  it('that is a file is refused with one line', () => {
    const file = join(directory(), 'file');
    writeFileSync(file, 'kept');
    expectRefusal(upIn(file), `rondo up: the data directory ${file} cannot be used: a part of the path is not a dir`);
    expect(readFileSync(file, 'utf8')).toBe('kept');
  });

  it("that holds somebody else's files is refused with one line, and stays as open as it was", () => {
    const path = directory();
    writeFileSync(join(path, 'letter'), 'dear');
    chmodSync(path, 0o755);
    const message = `rondo up: ${path} is no data directory of Rondo: it holds letter; name an empty directory`;
    expectRefusal(upIn(path), message);
    expect(statSync(path).mode & 0o777).toBe(0o755);
    expect(readdirSync(path)).toEqual(['letter']);
  });

  it('may hold other files beside those of an engine that was there before', async () => {
    const path = await usedDirectory();
    writeFileSync(join(path, 'letter'), 'dear');
    const rondo = await startRondo({ dataDir: path });
    engines.push(rondo);
    expect(await configMaps(rondo)).toEqual(['one', 'three', 'two']);
  });

  it.runIf(canMount())('on a read-only file system is refused with one line, and nothing changes', async () => {
    const dataDir = await usedDirectory();
    const before = contentsOf(dataDir);
    const script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"';
    const command = [process.execPath, 'dist/program/main.js', 'up', '--data-dir', dataDir, '--listen', '127.0.0.1:0'];
    const result = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', dataDir, ...command], { encoding: 'utf8' });
    expectRefusal(result, `rondo up: the data directory ${dataDir} cannot be used: the file system is read-only`);
    expect(contentsOf(dataDir)).toEqual(before);
  });

  if (process.getuid?.() === 0)
    console.log('SKIPPED: a data directory without permission: nothing is forbidden to root');
  it.skipIf(process.getuid?.() === 0)('without permission is refused with one line', () => {
    expectRefusal(upIn('/rondo-data'), 'rondo up: the data directory /rondo-data cannot be used: ');
  });

  it('of a newer format is refused with one line, and nothing changes', async () => {
    const dataDir = await usedDirectory();
    const manifest = join(dataDir, 'store', 'manifest');
    const fields = JSON.parse(readFileSync(manifest, 'utf8').split('\n')[0]!) as object;
    const body = JSON.stringify({ ...fields, format: 2 });
    writeFileSync(manifest, `${body}\n${crc32(body).toString(16)}\n`);
    const before = contentsOf(join(dataDir, 'store'));
    expectRefusal(upIn(dataDir), `rondo up: ${manifest} has format 2, from a newer Rondo; this one reads up to 1`);
    expect(contentsOf(join(dataDir, 'store'))).toEqual(before);
  });

  it('with a log segment of a newer format is refused with one line, and nothing changes', async () => {
    const dataDir = await usedDirectory();
    const segment = join(dataDir, 'store', logSegments(dataDir)[0]!);
    const header = readFileSync(segment).subarray(0, 64);
    header.writeUInt32LE(7, 8);
    header.writeUInt32LE(crc32(header.subarray(0, 24)), 24);
    overwrite(segment, 0, header);
    const before = contentsOf(join(dataDir, 'store'));
    expectRefusal(upIn(dataDir), `rondo up: ${segment} has format 7, from a newer Rondo; this one reads up to 1`);
    expect(contentsOf(join(dataDir, 'store'))).toEqual(before);
  });

  it('with a damaged manifest is refused by name, and nothing changes', async () => {
    const dataDir = await usedDirectory();
    const manifest = join(dataDir, 'store', 'manifest');
    flipByte(manifest, 20);
    const before = contentsOf(join(dataDir, 'store'));
    expectRefusal(upIn(dataDir), `rondo up: ${manifest} is damaged: its checksum does not match`);
    expect(contentsOf(join(dataDir, 'store'))).toEqual(before);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'with a flipped byte in a record names file and byte (the engine ended with %s)',
    async (signal) => {
      const dataDir = await usedDirectory(signal);
      const segment = join(dataDir, 'store', logSegments(dataDir)[0]!);
      // In the middle of the log: whole records follow, so this is no write that was cut short.
      const at = readFileSync(segment).indexOf('one'.repeat(100)) + 50;
      flipByte(segment, at);
      const before = contentsOf(join(dataDir, 'store'));
      const result = upIn(dataDir);
      expectRefusal(result, new RegExp(`^rondo up: ${segment} is damaged at byte \\d+: `));
      const named = Number(/at byte (\d+)/.exec(result.stderr)![1]);
      expect(named).toBeLessThanOrEqual(at);
      expect(named).toBeGreaterThan(at - 2000);
      expect(contentsOf(join(dataDir, 'store'))).toEqual(before);
    },
  );
});

describe.runIf(canLimit())('a write that fails', () => {
  it('ends the engine, which says so, and nothing acknowledged is lost', async () => {
    const ended = deferred<number | null>();
    const dataDir = directory();
    const rondo = await startRondo({ dataDir, onSpawn: (child) => child.once('exit', ended.resolve) });
    engines.push(rondo);
    expect((await createConfigMap(rondo, 'kept', 'safe')).code).toBe(201);
    // From now on, every write behind the first 4 KiB of a file fails with EFBIG.
    expect(spawnSync('prlimit', ['--pid', String(rondo.pid), '--fsize=4096']).status).toBe(0);
    const lost = await createConfigMap(rondo, 'lost', 'x'.repeat(10_000)).catch(() => undefined);
    expect(lost?.code ?? 500).toBeGreaterThanOrEqual(500);
    expect(await withDeadline('the end of the engine', 10_000, ended.promise)).toBe(1);
    expect(rondo.stderr()).toMatch(/^rondo up: the engine cannot go on: .*EFBIG/m);

    const again = await startRondo({ dataDir });
    engines.push(again);
    expect(await configMaps(again)).toContain('kept');
  });
});

describe.runIf(canMount())('a full file system', () => {
  const mounted = (command: readonly string[], dataDir: string, size: string): [string, ...string[]] => {
    const script = 'mount -t tmpfs -o size="$1",mode=0700 tmpfs "$2" && shift 2 && exec "$@"';
    return ['unshare', '-m', 'sh', '-c', script, 'sh', size, dataDir, ...command];
  };

  it('refuses writes with a clear Status, goes on reading, and recovers when space returns', async () => {
    const hostDir = directory();
    const rondo = await startRondo({ dataDir: hostDir, wrap: (command) => mounted(command, hostDir, '160m') });
    engines.push(rondo);
    // The mount is the engine's own; this is the way into it.
    const inside = { url: rondo.url, dataDir: `/proc/${rondo.pid}/root${hostDir}` };
    const filler = join(inside.dataDir, 'filler');
    fill(filler);
    const stored: string[] = [];
    let refusal: RawAnswer | undefined;
    for (let number = 0; number < 1000 && refusal === undefined; number++) {
      const answer = await createConfigMap(inside, `map-${number}`, 'x'.repeat(200_000));
      if (answer.code === 201) stored.push(`map-${number}`);
      else refusal = answer;
    }
    expect(refusal?.body).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      reason: 'InsufficientStorage',
      code: 507,
    });
    expect(refusal?.code).toBe(507);
    expect(refusal?.body['message']).toMatch(/space/);
    expect(await configMaps(inside)).toEqual(stored.sort());
    expect((await rawRequest(inside, { path: '/readyz', token: null })).code).toBe(200);

    rmSync(filler);
    expect((await createConfigMap(inside, 'after', 'space')).code).toBe(201);
    expect(await configMaps(inside)).toEqual(['after', ...stored].sort());
    expect(await rondo.stop()).toBe(0);
  }, 60_000);

  it('refuses to start with one line when there is no space at all', () => {
    const dataDir = directory();
    const command = [process.execPath, 'dist/program/main.js', 'up', '--data-dir', dataDir, '--listen', '127.0.0.1:0'];
    const [program, ...args] = mounted(command, dataDir, '64k');
    const result = spawnSync(program, args, { encoding: 'utf8' });
    expectRefusal(result, /^rondo up: .*no space is left/);
  });
});

async function configMaps(rondo: Pick<Rondo, 'url' | 'dataDir'>): Promise<string[]> {
  const { body } = await rawRequest(rondo, { path: '/api/v1/namespaces/default/configmaps' });
  const items = body['items'] as { metadata: { name: string } }[];
  return items.map(({ metadata }) => metadata.name).filter((name) => name !== 'kube-root-ca.crt').sort(); // prettier-ignore
}

function logSegments(dataDir: string): string[] {
  return readdirSync(join(dataDir, 'store')).filter((name) => /^log-\d+$/.test(name)).sort(); // prettier-ignore
}

function flipByte(path: string, at: number): void {
  overwrite(path, at, Buffer.of(readFileSync(path)[at]! ^ 0xff));
}

function overwrite(path: string, at: number, bytes: Buffer): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

/** Writes zeros until there is no space. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const size of [1 << 20, 4096]) {
      const zeros = Buffer.alloc(size);
      const more = (): boolean => {
        try {
          return writeSync(file, zeros) === size;
        } catch (error) {
          expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
          return false;
        }
      };
      while (more());
    }
  } finally {
    closeSync(file);
  }
}

/** prlimit(1) can make writes fail on Linux. */
function canLimit(): boolean {
  return process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0;
}

/** Root on Linux may mount in a namespace of its own; elsewhere the store's own tests cover full disks (fault files). */
function canMount(): boolean {
  const works =
    process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp']).status === 0;
  if (!works) console.log('read-only and full file systems are left to the tests of the store: mounts need root here');
  return works;
}
