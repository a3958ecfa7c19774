// examples/log-rotation, on a real nginx under load and a real S3-compatible server.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom, sleep, systemClock } from '../../src/clock/index.ts';
import { allArguments } from '../e2e/processes.ts';
import { removeDirectory, runRondo, startRondo, type Rondo } from '../e2e/rondo.ts';
import { missingParts, run, s3Account, startBucket, type Bucket } from './parts.ts';
import { kubectl, manifestsOf, onThisMachine, secret } from './rondo-parts.ts';
import { startWebServer, type WebServer } from './web-server.ts';

const why = missingParts(['nginx', 'flock']);
if (why !== undefined) console.log(`SKIPPED: examples/log-rotation: ${why}`);
const directory = fileURLToPath(new URL('../../examples/log-rotation/', import.meta.url));
const seed = Number(process.env['SEED'] ?? systemClock.now() % 1_000_000);
const random = seededRandom(seed);

/** As far as it is changed here. */
interface PodSpec {
  readonly containers: readonly [{ env?: { name: string; value: string }[] }];
  readonly volumes: { readonly name: string; hostPath?: { path: string; type: string } }[];
}

interface CronJob {
  readonly spec: {
    suspend?: boolean;
    readonly jobTemplate: { readonly spec: { backoffLimit: number; readonly template: { readonly spec: PodSpec } } };
  };
}

let rondo: Rondo;
let bucket: Bucket;
let web: WebServer;
/** All requests below this number have been answered. */
let asked = 0;
const ok = (args: readonly string[], input?: unknown): string => kubectl(rondo, args, input);

/** A Job of the CronJob, by hand; with `change`, and then without second tries, which would take minutes. */
function startRotation(name: string, change?: (pod: PodSpec) => void): void {
  const text = ok(['create', 'job', name, '--from=cronjob/log-rotation', '--dry-run=client', '-o', 'json']);
  const job = JSON.parse(text) as { spec: CronJob['spec']['jobTemplate']['spec'] };
  if (change !== undefined) {
    job.spec.backoffLimit = 0;
    change(job.spec.template.spec);
  }
  ok(['create', '-f', '-'], job);
}

function waitFor(name: string, condition: 'complete' | 'failed'): string {
  ok(['wait', `--for=condition=${condition}`, `job/${name}`, '--timeout=60s']);
  return ok(['logs', `job/${name}`]);
}

/** Numbers of the requests in one log. */
const numbersIn = (log: string): number[] =>
  log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number(line.split(' ')[0]));

/** Of all requests, those that are not in the archive or on the disk of the logs, and those that are there twice. */
function lostOrDoubled(): readonly string[] {
  const times = new Map<number, number>();
  for (const n of kept()) times.set(n, (times.get(n) ?? 0) + 1);
  const numbers = Array.from(
    { length: [...times.keys()].reduce((most, n) => Math.max(most, n + 1), asked) },
    (_, n) => n,
  );
  return numbers.filter((n) => n >= asked || times.get(n) !== 1).map((n) => `${n}: ${times.get(n) ?? 0} times`);
}

function kept(): number[] {
  const archived = bucket.keys().map((key) => {
    const file = join(tmpdir(), `rondo-archived-${seed}`);
    writeFileSync(file, bucket.read(key));
    return run(['zstd', '-dcq', file]);
  });
  const local = readdirSync(web.logs).filter((name) => name.startsWith('access.log'));
  const logs = [...archived, ...local.map((name) => readFileSync(join(web.logs, name), 'utf8'))];
  return logs.flatMap(numbersIn);
}

/** Some requests, all of them answered and logged. */
async function ask(forMs: number): Promise<void> {
  const load = web.load(asked);
  await sleep(systemClock, forMs);
  asked = await load.stop();
}

/** Share of the disk of the logs that is used, in percent. */
function usedPercent(): number {
  const { blocks, bfree } = statfsSync(web.logs);
  return ((blocks - bfree) / blocks) * 100;
}

const endpoint = (url: string) => (pod: PodSpec) => {
  pod.containers[0].env = [{ name: 'S3_ENDPOINT', value: url }];
};

describe.skipIf(why !== undefined)('the rotation of logs', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    console.log(`seed ${seed}`);
    [web, bucket, rondo] = await Promise.all([
      startWebServer(8192),
      startBucket(),
      startRondo({ args: onThisMachine }),
    ]);
    const [settings] = manifestsOf<{ data: Record<string, string> }>(`${directory}settings.yaml`);
    Object.assign(settings!.data, { S3_ENDPOINT: bucket.endpoint, S3_BUCKET: 'backups' });
    ok(['create', '-f', '-'], settings);
    ok(['create', '-f', '-'], secret('log-rotation', { s3: `user = "${s3Account.user}:${s3Account.secret}"\n` }));
    // As they are, with nothing unknown in them; then with the logs of this web server.
    ok(['apply', '--validate=strict', '-f', `${directory}rotation.yaml`]);
    const [, cronJob] = manifestsOf<CronJob>(`${directory}rotation.yaml`) as [object, CronJob];
    const { volumes } = cronJob.spec.jobTemplate.spec.template.spec;
    for (const { name, hostPath } of volumes) {
      if (name === 'logs') hostPath!.path = web.logs;
      if (name === 'pid') hostPath!.path = web.pidFile;
    }
    // Rotations are started by the tests alone.
    cronJob.spec.suspend = true;
    ok(['apply', '-f', '-'], cronJob);
  });
  afterAll(async () => {
    expect(await rondo.stop()).toBe(0);
    removeDirectory(rondo.dataDir);
    await Promise.all([bucket.stop(), web.quit()]);
    web.remove();
  });

  it('runs every five minutes, never two at once, and makes up for nothing', () => {
    const { status, stdout } = runRondo(['test', `${directory}schedule.test.yaml`]);
    expect(`${status}\n${stdout}`).toMatch(/^0\n[^]*5 of 5 expectations hold/);
  });

  it('loses and doubles no line under load, though the engine and an attempt are killed', async () => {
    const load = web.load(asked);
    let seen = '';
    for (let round = 0; round < 3; round++) {
      startRotation(`round-${round}`);
      for (let looks = random.float() * 20; looks > 0; looks--) {
        seen += allArguments();
        await sleep(systemClock, 30);
      }
      if (round === 1) {
        expect(await rondo.stop('SIGKILL')).toBeNull();
        rondo = await startRondo({ args: onThisMachine, dataDir: rondo.dataDir });
      }
      if (round === 2)
        ok(['delete', 'pod', '-l', 'batch.kubernetes.io/job-name=round-2', '--force', '--grace-period=0']);
      ok(['wait', '--for=condition=complete', `job/round-${round}`, '--timeout=60s']);
    }
    asked = await load.stop();
    expect(seen).not.toContain(`${s3Account.user}:${s3Account.secret}`);
    startRotation('after-load');
    expect(waitFor('after-load', 'complete')).toContain('the disk of the logs is used to');
    expect(asked).toBeGreaterThan(500);
    expect(lostOrDoubled().slice(0, 20)).toEqual([]);
    expect(bucket.keys().length).toBeGreaterThanOrEqual(3);
  });

  it('keeps every byte while the bucket is away, or gives back something else than it was sent', async () => {
    await ask(200);
    startRotation('no-bucket', endpoint('http://127.0.0.1:9'));
    expect(waitFor('no-bucket', 'failed')).toContain('Failed to connect');
    const liar = createServer((request, response) => {
      request.resume().on('end', () => response.end(request.method === 'GET' ? 'something else' : ''));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => liar.once('listening', resolve));
    startRotation('liar', endpoint(`http://127.0.0.1:${(liar.address() as AddressInfo).port}`));
    // This bucket is in this process, which a long kubectl would block.
    while (ok(['get', 'job', 'liar', '-o', 'jsonpath={.status.failed}']) !== '1') await sleep(systemClock, 50);
    expect(ok(['logs', 'job/liar'])).toMatch(/unsupported format|is not what was sent/);
    await new Promise((resolve) => liar.close(resolve));
    expect(readdirSync(web.logs).filter((name) => name.startsWith('access.log.'))).not.toEqual([]);
    expect(lostOrDoubled().slice(0, 20)).toEqual([]);
    startRotation('bucket-again');
    waitFor('bucket-again', 'complete');
    expect(readdirSync(web.logs).filter((name) => name.startsWith('access.log.'))).toEqual([]);
    expect(lostOrDoubled().slice(0, 20)).toEqual([]);
  });

  it('keeps every byte when there is no room to compress it', async () => {
    await ask(400);
    const small = mkdtempSync(join(tmpdir(), 'rondo-small-'));
    run(['mount', '-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', small]);
    startRotation('no-room', (pod) => {
      const at = pod.volumes.findIndex(({ name }) => name === 'work');
      pod.volumes[at] = { name: 'work', hostPath: { path: small, type: 'Directory' } };
    });
    expect(waitFor('no-room', 'failed')).toContain('No space left on device');
    run(['umount', small]);
    rmSync(small, { recursive: true });
    expect(lostOrDoubled().slice(0, 20)).toEqual([]);
  });

  it('frees the disk of the logs when it is full, below the mark, and says when it cannot', async () => {
    await ask(300);
    const filler = join(web.logs, 'other');
    const { bfree, bsize } = statfsSync(web.logs);
    writeFileSync(filler, Buffer.alloc(bfree * bsize));
    expect(usedPercent()).toBe(100);
    startRotation('full', () => undefined);
    expect(waitFor('full', 'failed')).toMatch(/the disk of the logs is still used to \d+ %/);
    expect(usedPercent()).toBeLessThan(100);
    rmSync(filler);
    await ask(300);
    startRotation('freed');
    expect(waitFor('freed', 'complete')).toMatch(/the disk of the logs is used to \d %/);
    expect(usedPercent()).toBeLessThan(60);
    expect(lostOrDoubled().slice(0, 20)).toEqual([]);
  });
});
