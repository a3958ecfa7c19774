// examples/cleanup, on a real PostgreSQL, a real S3-compatible server, real volumes and real files.
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom, sleep, systemClock } from '../../src/clock/index.ts';
import { allArguments } from '../e2e/processes.ts';
import { removeDirectory, runRondo, startRondo, type Rondo } from '../e2e/rondo.ts';
import { missingParts, s3Account, startBucket, startPostgres, type Bucket, type Postgres } from './parts.ts';
import { kubectl, manifestsOf, onThisMachine, secret } from './rondo-parts.ts';

const why = missingParts(['jq']);
if (why !== undefined) console.log(`SKIPPED: examples/cleanup: ${why}`);
const directory = fileURLToPath(new URL('../../examples/cleanup/', import.meta.url));
const seed = Number(process.env['SEED'] ?? systemClock.now() % 1_000_000);
const password = 'the-password-of-the-database';
const dayMs = 86_400_000;

interface Container {
  command: string[];
  env: { name: string; value: string }[];
}

interface JobManifest {
  readonly spec: { backoffLimit: number; readonly template: { readonly spec: { readonly containers: [Container] } } };
}

interface CronJob {
  readonly kind: string;
  readonly spec: {
    suspend?: boolean;
    readonly jobTemplate: {
      readonly spec: { readonly template: { readonly spec: { readonly volumes: readonly Volume[] } } };
    };
  };
}

interface Volume {
  readonly name: string;
  readonly hostPath: { path: string };
}

let rondo: Rondo;
let postgres: Postgres;
let bucket: Bucket;
let files: string;
/** Between what was planted as old and as young; as of this instant plus its grace period, the old is due. */
let between: string;
const ok = (args: readonly string[], input?: unknown): string => kubectl(rondo, args, input);

/** A Job of the CronJob, by hand, in which everything from before `between` is old enough. */
function startCleanup(name: string, env: Readonly<Record<string, string>>, command?: string): void {
  const text = ok(['create', 'job', name, '--from=cronjob/cleanup', '--dry-run=client', '-o', 'json']);
  const job = JSON.parse(text) as JobManifest;
  job.spec.backoffLimit = 0;
  const [container] = job.spec.template.spec.containers;
  const after = ['FILES', 'JOBS', 'CLAIMS', 'VOLUMES', 'ROWS', 'OBJECTS'].map((what) => [`${what}_AFTER`, '7 days']);
  const asOf = `${between} +7 days`;
  const values = { ...Object.fromEntries(after), AS_OF: asOf, ...env } as Record<string, string>;
  for (const [key, value] of Object.entries(values)) container.env.push({ name: key, value });
  if (command !== undefined) container.command = ['bash', '-c', command];
  ok(['create', '-f', '-'], job);
}

function cleanUp(name: string, env: Readonly<Record<string, string>>, command?: string): string {
  startCleanup(name, env, command);
  return logOf(name);
}

function isOver(name: string): boolean {
  const conditions = 'jsonpath={.status.conditions[?(@.status=="True")].type}';
  return /Complete|Failed/.test(ok(['get', 'job', name, '-o', conditions]));
}

function logOf(name: string): string {
  while (!isOver(name));
  return ok(['logs', `job/${name}`]);
}

const claim = (name: string, labels: Record<string, string> = {}): object => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, labels },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
});

const keep = { 'cleanup.example.com/keep': 'because' };

/** Runs a Job to its end that writes into the claims, which binds them. */
function runJob(name: string, claims: readonly string[], more: { labels?: object; spec?: object } = {}): void {
  const mounts = claims.map((claimName, at) => ({ name: `v${at}`, mountPath: `/data/${claimName}` }));
  const command = claims.map((claimName) => `echo here > /data/${claimName}/file`).join('; ') || 'true';
  const containers = [{ name: 'main', image: 'rondo.dev/host', command: ['sh', '-c', command], volumeMounts: mounts }];
  const volumes = claims.map((claimName, at) => ({ name: `v${at}`, persistentVolumeClaim: { claimName } }));
  ok(['create', '-f', '-'], {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, labels: more.labels ?? {} },
    spec: { template: { spec: { restartPolicy: 'Never', containers, volumes } }, ...more.spec },
  });
  ok(['wait', '--for=condition=complete', `job/${name}`, '--timeout=60s']);
}

const volumeOf = (name: string): string => ok(['get', 'pvc', name, '-o', 'jsonpath={.spec.volumeName}']);
const pathOf = (volume: string): string =>
  ok(['get', 'pv', volume, '-o', 'jsonpath={.spec.local.path}{.spec.hostPath.path}']);

/** Bound volumes that outlive their claims, which are deleted. Gives them in the order of the claims. */
function release(claims: readonly string[]): string[] {
  for (const name of claims) ok(['create', '-f', '-'], claim(name));
  runJob('binder', claims);
  const volumes = claims.map(volumeOf);
  ok(['patch', 'pv', ...volumes, '--type=merge', '-p', '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}']);
  ok(['delete', 'job', 'binder']);
  ok(['delete', 'pvc', ...claims, '--timeout=30s']);
  ok(['wait', ...volumes.map((name) => `pv/${name}`), '--for=jsonpath={.status.phase}=Released', '--timeout=30s']);
  return volumes;
}

/** Kubernetes' times have whole seconds: what comes after this is younger than what came before. */
async function nextSecond(): Promise<string> {
  const nowMs = systemClock.now();
  const nextMs = Math.ceil(nowMs / 1000) * 1000;
  await sleep(systemClock, nextMs - nowMs + 1);
  return new Date(nextMs).toISOString().replace('.000', '');
}

function plantFile(name: string, bytes: number, atMs: number): string {
  const path = join(files, name);
  writeFileSync(path, Buffer.alloc(bytes));
  utimesSync(path, atMs / 1000, atMs / 1000);
  return path;
}

function put(key: string, bytes: number, atMs: number): void {
  bucket.plant(key, Buffer.alloc(bytes), new Date(atMs));
}

describe.skipIf(why !== undefined)('the cleanup', { timeout: 180_000 }, () => {
  /** What is to be removed, in the order of the script. */
  const due: string[] = [];
  let released: string[];

  beforeAll(async () => {
    console.log(`seed ${seed}`);
    files = mkdtempSync(join(tmpdir(), 'rondo-files-'));
    [postgres, bucket, rondo] = await Promise.all([
      startPostgres(password),
      startBucket(),
      startRondo({ args: onThisMachine }),
    ]);
    postgres.query('postgres', 'create database shop');
    const [settings] = manifestsOf<{ data: Record<string, string> }>(`${directory}settings.yaml`);
    Object.assign(settings!.data, {
      ...{ PGHOST: '127.0.0.1', PGPORT: String(postgres.port), PGUSER: 'postgres' },
      ...{ S3_ENDPOINT: bucket.endpoint, S3_BUCKET: 'backups' },
    });
    ok(['create', '-f', '-'], settings);
    const s3 = `user = "${s3Account.user}:${s3Account.secret}"\n`;
    ok(['create', '-f', '-'], secret('cleanup', { 'postgres-password': password, s3 }));
    // As they are, with nothing unknown in them; then with the files of this test, and without its schedule.
    ok(['apply', '--validate=strict', '-f', `${directory}scripts.yaml`, '-f', `${directory}cleanup.yaml`]);
    const cronJob = manifestsOf<CronJob>(`${directory}cleanup.yaml`).find(({ kind }) => kind === 'CronJob')!;
    const { volumes } = cronJob.spec.jobTemplate.spec.template.spec;
    volumes.find(({ name }) => name === 'files')!.hostPath.path = files;
    cronJob.spec.suspend = true;
    ok(['apply', '-f', '-'], cronJob);

    // Old: to be removed, or protected.
    released = release(['old-volume', 'kept-volume']);
    ok(['label', 'pv', released[1]!, 'cleanup.example.com/keep=because']);
    for (const [name, labels] of [
      ['orphan', {}],
      ['kept-claim', keep],
      ['used-claim', {}],
      ['wanted-claim', {}],
    ] as const)
      ok(['create', '-f', '-'], claim(name, labels));
    runJob('old-job', ['orphan']);
    runJob('kept-job', [], { labels: keep });
    runJob('with-ttl', [], { spec: { ttlSecondsAfterFinished: 86_400 } });
    ok(['create', 'cronjob', 'nightly', '--image=rondo.dev/host', '--schedule=0 0 1 1 *', '--', 'true']);
    ok(['create', 'job', 'of-a-cron-job', '--from=cronjob/nightly']);
    ok(['wait', '--for=condition=complete', 'job/of-a-cron-job', '--timeout=60s']);
    const wants = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'wanted-claim' } }] };
    ok([
      'patch',
      'cronjob',
      'nightly',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { jobTemplate: { spec: { template: { spec: wants } } } } }),
    ]);
    ok(['create', '-f', '-'], {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'user' },
      spec: {
        containers: [
          {
            name: 'c',
            image: 'rondo.dev/host',
            command: ['sleep', '1000'],
            volumeMounts: [{ name: 'v', mountPath: '/v' }],
          },
        ],
        volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'used-claim' } }],
      },
    });
    ok(['wait', '--for=condition=ready', 'pod/user', '--timeout=60s']);
    // A Job that is over asks for its claims no more only when it is gone; so this one's is free.
    ok(['delete', 'job', 'old-job']);
    runJob('finished', []);
    between = await nextSecond();
    const betweenMs = Date.parse(between);
    mkdirSync(join(files, 'deep'));
    plantFile('deep/old one', 1000, betweenMs - 1000);
    plantFile('old.keep', 500, betweenMs - 9 * dayMs);
    plantFile('other', 24, betweenMs - 5 * dayMs);
    postgres.query(
      'shop',
      `create table sessions (id int primary key, expires_at timestamptz not null, keep boolean not null default false);
       insert into sessions select i, timestamptz '${between}' - interval '1 minute' * i, i = 2 from generate_series(1, 4) i;
       insert into sessions values (10, timestamptz '${between}'), (11, timestamptz '${between}' + interval '1 day')`,
    );
    put('tmp/a b', 300, betweenMs - 5000);
    put('tmp/old.keep', 10, betweenMs - 5000);
    put('else/old', 10, betweenMs - 5000);
    due.push(
      `file /files/deep/old one (1000 bytes)`,
      `file /files/other (24 bytes)`,
      'job finished (0 bytes)',
      `claim orphan (1048576 bytes)`,
      `volume ${released[0]} (1048576 bytes)`,
      'rows 1,3,4 of sessions (0 bytes)',
      'object tmp/a b (300 bytes)',
    );

    // Young: within the grace period.
    plantFile('young', 10, betweenMs + 1);
    runJob('young-job', []);
    ok(['create', '-f', '-'], claim('young-claim'));
    released.push(...release(['young-volume']));
    put('tmp/young', 10, betweenMs + 1000);
  });
  afterAll(async () => {
    // What runs outlives the engine.
    ok(['delete', 'pod', 'user', '--grace-period=0', '--force']);
    expect(await rondo.stop()).toBe(0);
    removeDirectory(rondo.dataDir);
    rmSync(files, { recursive: true });
    await Promise.all([postgres.stop(), bucket.stop()]);
  });

  const freed = 1000 + 24 + 2 * 1_048_576 + 300;

  it('runs once a night, and leaves a night that is too far gone to the next one', () => {
    const { status, stdout } = runRondo(['test', `${directory}schedule.test.yaml`]);
    expect(`${status}\n${stdout}`).toMatch(/^0\n[^]*5 of 5 expectations hold/);
  });

  it('names exactly what is due in a dry run, and removes nothing', () => {
    const lines = [...due.map((line) => `would remove ${line}`), `dry run: 7 things, ${freed} bytes`];
    startCleanup('dry', {});
    let seen = '';
    while (!isOver('dry')) seen += allArguments();
    expect(logOf('dry').trimEnd().split('\n')).toEqual(lines);
    const told = `${seen}${ok(['get', 'jobs,pods,events,cronjobs', '-o', 'yaml'])}${rondo.stderr()}`;
    for (const hidden of [password, `${s3Account.user}:${s3Account.secret}`, 'Bearer ey'])
      expect(told).not.toContain(hidden);
    expect(seen).toContain('cleanup.sh');
    expect(cleanUp('dry-again', {}).trimEnd().split('\n')).toEqual(lines);
  });

  it('may do nothing that its Role does not name', () => {
    const tries = [
      'GET /api/v1/namespaces/default/secrets',
      'GET /api/v1/namespaces/kube-system/pods',
      'DELETE /api/v1/namespaces/default/pods/user',
      `DELETE /api/v1/persistentvolumes/${released[0]}`,
      'DELETE /apis/batch/v1/namespaces/default/cronjobs/nightly',
      'GET /apis/rbac.authorization.k8s.io/v1/clusterroles',
    ];
    const script = tries.map((what) => `api ${what} && echo ALLOWED ${what};`).join('\n');
    const log = cleanUp('refused', {}, `. /scripts/api.sh\n${script}\nexit 0`);
    expect(log).not.toContain('ALLOWED');
    expect(log.match(/"code": ?403/g)).toHaveLength(tries.length);
  });

  it('removes that and nothing else, though the engine is killed, and finds nothing the second time', async () => {
    const path = pathOf(released[0]!);
    expect(existsSync(`${path}/file`)).toBe(true);
    startCleanup('real', { DRY_RUN: 'false' });
    await sleep(systemClock, seededRandom(seed).float() * 500);
    expect(await rondo.stop('SIGKILL')).toBeNull();
    rondo = await startRondo({ args: onThisMachine, dataDir: rondo.dataDir });
    // The API was away for a moment: a run that needed it has failed, and another one does the rest. What it was just
    // about to remove may be gone without a word.
    const log = `${logOf('real')}${cleanUp('rest', { DRY_RUN: 'false' })}`;
    const removed = log.split('\n').filter((line) => line.startsWith('removed '));
    expect(removed.length).toBeGreaterThanOrEqual(due.length - 1);
    expect(new Set(removed).size).toBe(removed.length);
    expect(due.map((line) => `removed ${line}`)).toEqual(expect.arrayContaining(removed));
    ok(['wait', `pv/${released[0]}`, '--for=delete', '--timeout=30s']);
    expect(existsSync(path)).toBe(false);
    expect(cleanUp('nothing', { DRY_RUN: 'false' })).toBe('0 things, 0 bytes\n');
  });

  it('has left alone what is protected, young, used or somebody else’s', () => {
    const jobs = ok(['get', 'jobs', '-o', 'name']);
    for (const name of ['kept-job', 'with-ttl', 'of-a-cron-job', 'young-job']) expect(jobs).toContain(`/${name}\n`);
    const claims = ok(['get', 'pvc', '-o', 'jsonpath={.items[*].metadata.name}']);
    expect(claims).toBe('kept-claim used-claim wanted-claim young-claim');
    expect(ok(['get', 'pv', released[1]!, released[2]!, '-o', 'jsonpath={.items[*].status.phase}'])).toBe(
      'Released Released',
    );
    expect(['deep/old one', 'other', 'old.keep', 'young'].filter((name) => existsSync(join(files, name)))).toEqual([
      'old.keep',
      'young',
    ]);
    expect(postgres.query('shop', "select string_agg(id::text, ',' order by id) from sessions")).toBe('2,10,11');
    expect(bucket.keys()).toEqual(['else/old', 'tmp/old.keep', 'tmp/young']);
  });

  it('leaves a volume that somebody gets again while it runs', async () => {
    const volumes = release(Array.from({ length: 12 }, (_, at) => `race-${at}`));
    const last = volumes.toSorted().at(-1)!;
    const path = pathOf(last);
    between = await nextSecond();
    startCleanup('race', { DRY_RUN: 'false' }, slowed);
    // It has looked at all volumes once it says so, and waits until it may go on.
    while (!existsSync(join(files, 'looked'))) {
      expect(isOver('race')).toBe(false);
      await sleep(systemClock, 10);
    }
    ok(['patch', 'pv', last, '--type=json', '-p', '[{"op":"remove","path":"/spec/claimRef"}]']);
    writeFileSync(join(files, 'go-on.keep'), '');
    const log = logOf('race');
    expect(log).toContain(`left volume ${last}: it has changed`);
    expect(log.match(/removed volume/g)).toHaveLength(12 - 1 + 1);
    expect(existsSync(`${path}/file`)).toBe(true);
    expect(ok(['get', 'pv', last, '-o', 'jsonpath={.spec.persistentVolumeReclaimPolicy} {.status.phase}'])).toBe(
      'Retain Available',
    );
  });
});

/** The script, which waits between its look at the volumes and what it does to them. */
const slowed = `sed 's|^list "$volumes" >/work/volumes$|&; touch /files/looked; until [ -e /files/go-on.keep ]; do sleep 0.05; done|' \\
  /scripts/cleanup.sh >/work/slowed.sh && exec bash /work/slowed.sh`;
