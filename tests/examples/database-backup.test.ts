// examples/database-backup, on a real PostgreSQL and a real S3-compatible server.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom, systemClock, sleep } from '../../src/clock/index.ts';
import { allArguments } from '../e2e/processes.ts';
import { removeDirectory, runRondo, startRondo, type Rondo } from '../e2e/rondo.ts';
import { missingParts, run, s3Account, startBucket, startPostgres, type Bucket, type Postgres } from './parts.ts';
import { kubectl, manifestsOf, onThisMachine, secret } from './rondo-parts.ts';

const why = missingParts();
if (why !== undefined) console.log(`SKIPPED: examples/database-backup: ${why}`);
const directory = fileURLToPath(new URL('../../examples/database-backup/', import.meta.url));
const seed = Number(process.env['SEED'] ?? systemClock.now() % 1_000_000);

/** As far as it is changed here. */
interface Manifest {
  readonly metadata: { name: string };
  readonly spec: { backoffLimit: number; readonly template: { readonly spec: PodSpec } };
  readonly data?: Record<string, string>;
}

interface PodSpec {
  readonly containers: readonly [Container];
  readonly volumes: readonly { readonly secret: { secretName: string } }[];
}

interface Container {
  command: string[];
  readonly env: { name: string; value?: string; valueFrom?: { readonly secretKeyRef: { name: string } } }[];
}

const manifest = (file: string): Manifest => manifestsOf<Manifest>(directory + file)[0]!;

const password = 'the-password-of-the-database';
let rondo: Rondo;
let postgres: Postgres;
let bucket: Bucket;
let identity: string;
const up = { args: onThisMachine };

const ok = (args: readonly string[], input?: unknown): string => kubectl(rondo, args, input);

const s3Credentials = (user: string, secretKey: string): string => `user = "${user}:${secretKey}"\n`;

/** Age key pairs: [identity, recipient]. */
function keyPair(): [string, string] {
  const text = run(['age-keygen']);
  return [/AGE-SECRET-KEY-\S+/.exec(text)?.[0] ?? '', /age1\S+/.exec(text)?.[0] ?? ''];
}

/** A Job of the CronJob, by hand; with `change`, and then without second tries, which would take minutes. */
function startBackup(name: string, change?: (container: Container, pod: PodSpec) => void): void {
  const job = JSON.parse(
    ok(['create', 'job', name, '--from=cronjob/database-backup', '--dry-run=client', '-o', 'json']),
  ) as Manifest;
  if (change !== undefined) {
    job.spec.backoffLimit = 0;
    change(job.spec.template.spec.containers[0], job.spec.template.spec);
  }
  ok(['create', '-f', '-'], job);
}

function waitFor(name: string, condition: 'complete' | 'failed'): string {
  ok(['wait', `--for=condition=${condition}`, `job/${name}`, '--timeout=60s']);
  return ok(['logs', `job/${name}`]);
}

/** A restore into an empty database of that name. */
function startRestore(name: string, change: (job: Manifest) => void = () => undefined): void {
  const job = manifest('restore.yaml');
  job.metadata.name = name;
  change(job);
  ok(['create', '-f', '-'], job);
}

/** Backups that count: those with their mark. */
function backups(): string[] {
  const marks = bucket.keys().filter((key) => key.endsWith('.sha256'));
  return marks.map((key) => key.slice('shop/'.length, -'.sha256'.length));
}

const contents = `select count(*), md5(string_agg(c::text, ',' order by id)) from customers c;
  select count(*), sum(amount), md5(string_agg(o::text, ',' order by id)) from orders o`;

describe.skipIf(why !== undefined)('the database backup', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    console.log(`seed ${seed}`);
    [postgres, bucket, rondo] = await Promise.all([startPostgres(password), startBucket(), startRondo(up)]);
    postgres.query('postgres', `create database shop; create database shop_restored`);
    postgres.query(
      'shop',
      `create table customers (id int primary key, name text not null, city text);
       insert into customers select i, 'Customer ' || i || ' Ångström', case when i % 7 = 0 then null else 'City ' || i % 90 end
         from generate_series(1, 5000) i;
       create table orders (id int primary key, customer int not null references customers, amount numeric(10, 2), placed timestamptz);
       insert into orders select i, 1 + i % 5000, (i * 37 % 100000) / 100.0, timestamptz '2026-01-01' + i * interval '1 minute'
         from generate_series(1, 20000) i;
       create index on orders (customer)`,
    );
    const [key, recipient] = keyPair();
    identity = key;
    const settings = manifest('settings.yaml');
    Object.assign(settings.data ?? {}, {
      ...{ PGHOST: '127.0.0.1', PGPORT: String(postgres.port), PGUSER: 'postgres' },
      ...{ S3_ENDPOINT: bucket.endpoint, AGE_RECIPIENT: recipient },
    });
    ok(['create', '-f', '-'], settings);
    ok(
      ['create', '-f', '-'],
      secret('database-backup', { 'postgres-password': password, s3: s3Credentials(s3Account.user, s3Account.secret) }),
    );
    ok(['create', '-f', '-'], secret('database-restore', { 'age-identity': identity }));
    // As they are, with nothing unknown in them.
    ok(['apply', '--validate=strict', '-f', `${directory}scripts.yaml`, '-f', `${directory}backup.yaml`]);
  });
  afterAll(async () => {
    expect(await rondo.stop()).toBe(0);
    removeDirectory(rondo.dataDir);
    await Promise.all([postgres.stop(), bucket.stop()]);
  });

  it('comes once a night, over a year with both changes of the clock', () => {
    const { status, stdout } = runRondo(['test', `${directory}schedule.test.yaml`]);
    expect(`${status}\n${stdout}`).toMatch(/^0\n[^]*7 of 7 expectations hold/);
  });

  it('makes an object that nobody can read without the key, and shows its secrets nowhere', async () => {
    startBackup('first');
    let seen = '';
    while (!ok(['get', 'job', 'first', '-o', 'jsonpath={.status.conditions[*].type}']).includes('Complete'))
      seen += allArguments();
    const log = waitFor('first', 'complete');
    expect(log).toMatch(/^made \d{8}T\d{6}Z-first \(\d+ bytes\)\n$/);
    const [name = ''] = backups();
    expect(bucket.keys()).toEqual([`shop/${name}.sha256`, `shop/${name}.sql.zst.age`]);
    const text = run([
      'curl',
      '-sSf',
      '-u',
      `${s3Account.user}:${s3Account.secret}`,
      '--aws-sigv4',
      'aws:amz:us-east-1:s3',
      '-H',
      `x-amz-content-sha256: ${run(['sha256sum'], { input: '' }).split(' ')[0]}`,
      `${bucket.endpoint}/backups/shop/${name}.sql.zst.age`,
    ]);
    expect(text.startsWith('age-encryption.org/v1')).toBe(true);
    expect(text).not.toContain('Customer');
    const told = `${seen}${log}${ok(['get', 'jobs,pods,events,cronjobs', '-o', 'yaml'])}${rondo.stderr()}`;
    for (const hidden of [password, s3Credentials(s3Account.user, s3Account.secret).trim(), identity])
      expect(told).not.toContain(hidden);
    expect(seen).toContain('pg_dump');
  });

  it('is restored into an empty database, with every row as it was', () => {
    startRestore('restored');
    expect(waitFor('restored', 'complete')).toContain(`restored ${backups().at(-1)} into shop_restored`);
    expect(postgres.query('shop_restored', contents)).toBe(postgres.query('shop', contents));
    expect(postgres.query('shop_restored', contents)).toMatch(/^5000\|[0-9a-f]{32}\n20000\|/);
  });

  it('is not restored over what is there', () => {
    postgres.query('shop_restored', "update customers set name = 'kept' where id = 1");
    startRestore('over');
    expect(waitFor('over', 'failed')).toContain('shop_restored is not empty: it has 2 tables');
    expect(ok(['get', 'job', 'over', '-o', 'jsonpath={.status.failed}'])).toBe('1');
    expect(postgres.query('shop_restored', 'select name from customers where id = 1')).toBe('kept');
  });

  it('restores nothing with another key', () => {
    postgres.query('postgres', 'create database empty');
    ok(['create', '-f', '-'], secret('other-key', { 'age-identity': keyPair()[0] }));
    startRestore('wrong-key', ({ spec }) => {
      spec.backoffLimit = 0;
      spec.template.spec.volumes[2]!.secret.secretName = 'other-key';
      spec.template.spec.containers[0].env[1]!.value = 'empty';
    });
    expect(waitFor('wrong-key', 'failed')).toContain('no identity matched');
    expect(
      postgres.query('empty', "select count(*) from information_schema.tables where table_schema = 'public'"),
    ).toBe('0');
  });

  it('fails, and counts for nothing, when the dump breaks off, the account is wrong or the bucket is away', () => {
    const before = backups();
    ok(
      ['create', '-f', '-'],
      secret('wrong', { 'postgres-password': 'wrong', s3: s3Credentials('stranger', 'wrong') }),
    );
    startBackup('no-dump', ({ env }) => (env[1]!.valueFrom!.secretKeyRef.name = 'wrong'));
    startBackup('no-account', (_container, pod) => (pod.volumes[1]!.secret.secretName = 'wrong'));
    startBackup('no-bucket', ({ env }) => env.push({ name: 'S3_ENDPOINT', value: 'http://127.0.0.1:9' }));
    expect(waitFor('no-dump', 'failed')).toContain('password authentication failed');
    expect(waitFor('no-account', 'failed')).toContain('403');
    expect(waitFor('no-bucket', 'failed')).toContain('Failed to connect');
    expect(backups()).toEqual(before);
  });

  it('fails, and counts for nothing, when the bucket is full', async () => {
    const small = await startBucket({ sizeKilobytes: 200 });
    try {
      startBackup('full', ({ env }) => env.push({ name: 'S3_ENDPOINT', value: small.endpoint }));
      expect(waitFor('full', 'failed')).toMatch(/error: 5\d\d|Empty reply/);
      expect(small.keys().filter((key) => key.endsWith('.sha256'))).toEqual([]);
    } finally {
      await small.stop();
    }
  });

  it('keeps the newest of seven days and of four weeks', () => {
    const [good = ''] = backups();
    const old = Array.from({ length: 60 }, (_, days) => new Date(systemClock.now() - (days + 1) * 86_400_000));
    const seeded = old.flatMap((date) => {
      const day = date.toISOString().slice(0, 10).replaceAll('-', '');
      return [`${day}T010000Z-a`, `${day}T130000Z-b`];
    });
    const script = `. /scripts/s3.sh; for name in $NAMES; do for end in sha256 sql.zst.age; do s3_put /etc/hostname "shop/$name.$end"; done; done`;
    startBackup('seeding', (container) => {
      container.command = ['bash', '-euc', script];
      container.env.push({ name: 'NAMES', value: seeded.join(' ') });
    });
    waitFor('seeding', 'complete');
    startBackup('keeping');
    expect(waitFor('keeping', 'complete')).toContain(`removed ${seeded.at(-1)}`);
    expect(backups()).toEqual(keptOf([...seeded, good, backups().find((name) => name.endsWith('-keeping')) ?? '']));
    expect(bucket.keys()).toHaveLength(2 * backups().length);
  });

  it('comes out right though the engine is killed in the middle of it', async () => {
    const random = seededRandom(seed);
    startBackup('killed');
    await sleep(systemClock, random.float() * 800);
    expect(await rondo.stop('SIGKILL')).toBeNull();
    rondo = await startRondo({ ...up, dataDir: rondo.dataDir });
    waitFor('killed', 'complete');
    expect(backups().filter((name) => name.endsWith('-killed'))).toHaveLength(1);
    postgres.query('postgres', 'create database again');
    startRestore('again', ({ spec }) => (spec.template.spec.containers[0].env[1]!.value = 'again'));
    expect(waitFor('again', 'complete')).toMatch(/restored \S+-killed into again/);
    expect(postgres.query('again', contents)).toBe(postgres.query('shop', contents));
  });
});

/** The rule in other words: of the names, newest first, the first of each of seven days and of four weeks. */
function keptOf(names: readonly string[]): string[] {
  const newestFirst = names.toSorted().toReversed();
  const firstOf = (group: (name: string) => string, count: number): string[] =>
    [...new Map(newestFirst.toReversed().map((name) => [group(name), name])).values()].toReversed().slice(0, count);
  const monday = (name: string): string => {
    const date = new Date(`${name.slice(0, 4)}-${name.slice(4, 6)}-${name.slice(6, 8)}T00:00:00Z`);
    return new Date(date.getTime() - ((date.getUTCDay() + 6) % 7) * 86_400_000).toISOString();
  };
  return [...new Set([...firstOf((name) => name.slice(0, 8), 7), ...firstOf(monday, 4)])].toSorted();
}
