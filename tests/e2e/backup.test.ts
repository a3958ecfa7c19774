import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeDirectory, runRondo, startRondo, temporaryDirectory, type Rondo } from './rondo.ts';

const objects = 1200;

let rondo: Rondo;
let directory: string;
let file: string;
beforeAll(async () => {
  directory = temporaryDirectory();
  file = join(directory, 'all.backup');
  rondo = await startRondo({ args: ['--runtime', 'simulated'] });
  const items = Array.from({ length: objects }, (_, at) => {
    return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `c-${at}` }, data: { at: String(at) } };
  });
  expect(rondo.kubectl(['create', '-f', '-'], { input: JSON.stringify(list(items)) }).status).toBe(0);
  const schedule = ['create', 'cronjob', 'nightly', '--image=any', '--schedule=0 1 * * *'];
  expect(rondo.kubectl(schedule).status).toBe(0);
  expect(rondo.kubectl(['create', 'secret', 'generic', 'key', '--from-literal=password=hunter2']).status).toBe(0);
  const saved = runRondo(['backup', file, '--kubeconfig', rondo.kubeconfig]);
  expect(saved.stderr).toMatch(/^saved \d+ objects at revision \d+\n$/);
});
afterAll(async () => {
  await rondo.stop();
  removeDirectory(rondo.dataDir);
  removeDirectory(directory);
});

function list(items: readonly object[]): object {
  return { apiVersion: 'v1', kind: 'List', items };
}

/** Everything that a person made, with versions and uids. */
function contents(of: Rondo): unknown {
  const { stdout } = of.kubectl(['get', 'configmaps,cronjobs,secrets', '-o', 'json']);
  return (JSON.parse(stdout) as { items: unknown }).items;
}

describe('a backup', () => {
  it('is for its owner only, and leaves no draft behind', () => {
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect(readdirSync(directory)).toEqual(['all.backup']);
  });

  it('brings back every object with its uid and version, and the keys with which clients came in', async () => {
    const dataDir = join(directory, 'restored');
    const restored = runRondo(['restore', file, '--data-dir', dataDir]);
    expect(`${restored.status} ${restored.stderr}`).toBe('0 ');
    const before = contents(rondo);
    const other = await startRondo({ dataDir, args: ['--runtime', 'simulated'] });
    try {
      expect(contents(other)).toEqual(before);
      expect(readFileSync(join(dataDir, 'token'))).toEqual(readFileSync(join(rondo.dataDir, 'token')));
      expect(readFileSync(join(dataDir, 'pki/ca.crt'))).toEqual(readFileSync(join(rondo.dataDir, 'pki/ca.crt')));
      expect(other.kubectl(['label', 'cronjob', 'nightly', 'a=b']).status).toBe(0);
      // Whoever watches from a version of before is told to list again, and misses nothing.
      const version = (before as { metadata: { resourceVersion: string } }[])[0]?.metadata.resourceVersion;
      const watch = `/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=${version}&timeoutSeconds=1`;
      expect(other.kubectl(['get', '--raw', watch]).stdout).toContain('"reason":"Expired"');
    } finally {
      await other.stop();
    }
    const again = await startRondo({ dataDir, args: ['--runtime', 'simulated'] });
    expect(again.kubectl(['get', 'cronjob', 'nightly', '-o', 'jsonpath={.metadata.labels.a}']).stdout).toBe('b');
    await again.stop();
  });

  it('holds what Secrets say; the data directory does not, nor the restored one', () => {
    const password = Buffer.from('hunter2').toString('base64');
    expect(gunzipSync(readFileSync(file)).toString()).toContain(password);
    for (const dataDir of [rondo.dataDir, join(directory, 'restored')]) {
      const store = join(dataDir, 'store');
      const all = readdirSync(store).map((name) => readFileSync(join(store, name), 'latin1'));
      expect(all.join('')).toContain('core/secrets/default/key');
      expect(all.join('')).not.toContain(password);
      expect((statSync(join(dataDir, 'pki/secrets.key')).mode & 0o777).toString(8)).toBe('600');
    }
  });

  it('can go through a pipe', () => {
    const { status } = runRondo(['backup', '-', '--kubeconfig', rondo.kubeconfig]);
    expect(status).toBe(0);
  });

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2), /is cut short or damaged/],
    [
      'damaged',
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 999), Buffer.alloc(9), bytes.subarray(1008)]),
      /cut short or damaged|no JSON/,
    ],
    [
      'without its end',
      (bytes: Buffer) => edited(bytes, (lines) => lines.slice(0, -1)),
      /is cut short: its last line is missing/,
    ],
    [
      'with an object missing',
      (bytes: Buffer) => edited(bytes, (lines) => lines.filter((line) => !line.includes('/c-7"'))),
      /but \d+ were written/,
    ],
    ['no backup', () => Buffer.from('hello'), /is no backup of Rondo/],
    [
      'of a newer format',
      (bytes: Buffer) => edited(bytes, (lines) => ['{"rondoBackup":2,"revision":1}', ...lines.slice(1)]),
      /has format 2, from a newer Rondo/,
    ],
    [
      'that wants out of its directory',
      (bytes: Buffer) =>
        edited(bytes, (lines) => [...lines.slice(0, 1), '{"name":"../../x","text":""}', ...lines.slice(1)]),
      /it holds a file with the name/,
    ],
  ])('that is %s is refused, and leaves nothing behind', (what, change, message) => {
    const broken = join(directory, 'broken');
    writeFileSync(broken, change(readFileSync(file)));
    const dataDir = join(directory, 'refused');
    const { status, stderr } = runRondo(['restore', broken, '--data-dir', dataDir]);
    expect([what, status]).toEqual([what, 1]);
    expect(stderr).toMatch(message);
    expect(existsSync(dataDir) || existsSync(`${dataDir}.restoring`)).toBe(false);
  });

  it('is never restored over something', () => {
    const dataDir = join(directory, 'full');
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'mine'), '');
    const { status, stderr } = runRondo(['restore', file, '--data-dir', dataDir]);
    expect([status, readdirSync(dataDir)]).toEqual([1, ['mine']]);
    expect(stderr).toContain('is not empty');
  });

  it('says what is wrong when it cannot be made', () => {
    expect(runRondo(['backup']).status).toBe(2);
    const nowhere = runRondo(['backup', join(directory, 'no', 'where'), '--kubeconfig', rondo.kubeconfig]);
    expect([nowhere.status, nowhere.stderr]).toEqual([1, expect.stringContaining('cannot be written: ENOENT')]);
    expect(runRondo(['restore', join(directory, 'none'), '--data-dir', join(directory, 'x')]).stderr).toContain(
      'cannot be read: ENOENT',
    );
  });
});

function edited(bytes: Buffer, change: (lines: readonly string[]) => readonly string[]): Buffer {
  const lines = gunzipSync(bytes).toString().trimEnd().split('\n');
  return gzipSync(`${change(lines).join('\n')}\n`);
}

describe('rondo status', () => {
  it('says that all is well, and what there is', () => {
    const { status, stdout } = runRondo(['status', '--kubeconfig', rondo.kubeconfig]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^checks +ok \(ping, etcd, informer-sync\)$/m);
    expect(stdout).toMatch(/^configmaps +12\d\d$/m);
    const json = runRondo(['status', '-o', 'json', '--kubeconfig', rondo.kubeconfig]);
    expect(JSON.parse(json.stdout)).toMatchObject({ server: rondo.url, checks: [{ name: 'ping', ok: true }, {}, {}] });
  });

  it('says what was asked wrongly', () => {
    expect(runRondo(['status', '-o', 'xml', '--kubeconfig', rondo.kubeconfig]).status).toBe(2);
  });
});
