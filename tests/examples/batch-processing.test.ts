// examples/batch-processing, on a real PostgreSQL.
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomInteger, seededRandom, sleep, systemClock } from '../../src/clock/index.ts';
import { isAlive, parentOf, processesNaming } from '../e2e/processes.ts';
import { removeDirectory, runRondo, startRondo, type Rondo } from '../e2e/rondo.ts';
import { missingParts, startPostgres, type Postgres } from './parts.ts';
import { kubectl, manifestsOf, onThisMachine, secret } from './rondo-parts.ts';

const why = missingParts();
if (why !== undefined) console.log(`SKIPPED: examples/batch-processing: ${why}`);
const directory = fileURLToPath(new URL('../../examples/batch-processing/', import.meta.url));
const seed = Number(process.env['SEED'] ?? systemClock.now() % 1_000_000);
const random = seededRandom(seed);
const customers = 100_000;
const batches = 40;
const password = 'the-password-of-the-database';

interface JobView {
  readonly status: Record<string, unknown> & { readonly conditions?: readonly { readonly type: string }[] };
}

let rondo: Rondo;
let postgres: Postgres;
const ok = (args: readonly string[], input?: unknown): string => kubectl(rondo, args, input);
const jobNow = (name: string): JobView => JSON.parse(ok(['get', 'job', name, '-o', 'json'])) as JobView;
const isOver = (name: string): boolean =>
  jobNow(name).status.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed') === true;

/**
 * The containers that work on the export at one instant: their main processes, without the subshells of the same name.
 * Reading /proc takes a while, so only those count that are alive still when all of it has been read.
 */
function running(): number[] {
  const found = processesNaming('/scripts/export.sh').filter(({ command }) => command.startsWith('bash /scripts/'));
  const shells = new Set(found.map(({ pid }) => pid));
  const parents = found.map(({ pid }) => ({ pid, parent: parentOf(pid) }));
  return parents.filter(({ pid, parent }) => !shells.has(parent ?? pid) && isAlive(pid)).map(({ pid }) => pid);
}

/** Where the claim's volume lies on this machine. */
function exportsPath(): string {
  const volume = ok(['get', 'pvc', 'customer-exports', '-o', 'jsonpath={.spec.volumeName}']);
  return ok(['get', 'pv', volume, '-o', 'jsonpath={.spec.local.path}{.spec.hostPath.path}']);
}

/** Every id in the exports, and the names of what lies there beside them. */
function exported(): { readonly ids: readonly number[]; readonly files: readonly string[] } {
  const files = readdirSync(exportsPath()).toSorted();
  const parts = files.filter((name) => name.startsWith('part-'));
  const ids = parts.flatMap((name) =>
    readFileSync(`${exportsPath()}/${name}`, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => Number(line.slice(0, line.indexOf(',')))),
  );
  return { ids, files };
}

interface ExportJob {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly env: object[] }[] } };
  };
}

/** The same export in a thousand small batches, suspended: there is always work in the background. */
function createManyBatches(name: string, parallelism: number): void {
  const [scripts, job] = manifestsOf<ExportJob>(`${directory}export.yaml`) as [object, ExportJob];
  const { spec } = job.spec.template;
  const [container] = spec.containers;
  const env = [...container!.env, { name: 'BATCHES', value: '1000' }];
  const template = {
    ...job.spec.template,
    spec: { ...spec, containers: [{ ...container, env, resources: { limits: { cpu: '200m' } } }] },
  };
  ok(['apply', '-f', '-'], scripts);
  const many = { completions: 1000, parallelism, suspend: true, template };
  ok(['create', '-f', '-'], { ...job, metadata: { name }, spec: { ...job.spec, ...many } });
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

describe.skipIf(why !== undefined)('the export of customers in batches', { timeout: 180_000 }, () => {
  beforeAll(async () => {
    console.log(`seed ${seed}`);
    [postgres, rondo] = await Promise.all([startPostgres(password), startRondo({ args: onThisMachine })]);
    postgres.query('postgres', 'create database shop');
    postgres.query(
      'shop',
      `create table customers (id int primary key, name text not null, email text not null);
       insert into customers select i, case when i % 10 = 0 then 'Meyer, Söhne "& Co" ' || i else 'Customer ' || i end, 'c' || i || '@example.com'
         from generate_series(1, ${customers}) i`,
    );
    const [settings, claim] = manifestsOf<{ data: Record<string, string> }>(`${directory}settings.yaml`);
    const here = { PGHOST: '127.0.0.1', PGPORT: String(postgres.port), PGUSER: 'postgres' };
    for (const object of [{ ...settings, data: { ...settings!.data, ...here } }, claim])
      ok(['create', '-f', '-'], object);
    ok(['create', '-f', '-'], secret('customer-export', { 'postgres-password': password }));
    // One customer that no export may have: batch 6 is from 15001 to 17500.
    postgres.query('shop', "update customers set email = 'nonsense' where id = 16000");
  });
  afterAll(async () => {
    expect(await rondo.stop()).toBe(0);
    removeDirectory(rondo.dataDir);
    await postgres.stop();
  });

  it('exports everybody once, though Pods and the engine are killed, never more at a time than said', async () => {
    ok(['apply', '--validate=strict', '-f', `${directory}export.yaml`]);
    let most = 0;
    const look = (): number[] => {
      const pids = running();
      most = Math.max(most, pids.length);
      return pids;
    };
    for (let kills = 0; kills < 6;) {
      const pids = look();
      const pid = pids[randomInteger(random, Math.max(1, pids.length))];
      if (pid === undefined) continue;
      try {
        process.kill(pid, 'SIGKILL');
        kills++;
      } catch {
        // It has ended by itself.
      }
      await sleep(systemClock, random.float() * 60);
    }
    expect(await rondo.stop('SIGKILL')).toBeNull();
    rondo = await startRondo({ args: onThisMachine, dataDir: rondo.dataDir });
    while (!isOver('customer-export')) look();
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
    const { ids, files } = exported();
    expect(ids).toEqual([...range(1, 15_000), ...range(17_501, customers)]);
    expect(files).toHaveLength(batches - 1);
  });

  it('lets one poisoned batch fail alone, at its first try, and says what is wrong with it', () => {
    const { status } = jobNow('customer-export');
    expect(status).toMatchObject({ failedIndexes: '6', succeeded: batches - 1, completedIndexes: '0-5,7-39' });
    const selector = 'batch.kubernetes.io/job-name=customer-export,batch.kubernetes.io/job-completion-index=6';
    expect(ok(['logs', '-l', selector])).toContain(
      'batch 6: not a customer: line 1000:16000,"Meyer, Söhne ""& Co"" 16000",nonsense',
    );
  });

  it('runs the failed batch again, and only that', () => {
    postgres.query('shop', "update customers set email = 'c16000@example.com' where id = 16000");
    const rerun = ['rerun', 'job/customer-export', '--failed', '--data-dir', rondo.dataDir];
    const { status, stdout, stderr } = runRondo(rerun);
    expect(`${status} ${stderr}`).toBe('0 ');
    ok(['apply', '--validate=strict', '-f', '-'], stdout);
    ok(['wait', '--for=condition=complete', 'job/customer-export-rerun', '--timeout=60s']);
    expect(ok(['logs', 'job/customer-export-rerun'])).toBe('batch 6: 2500 customers (15001 to 17500)\n');
    expect(exported().ids).toEqual(range(1, customers));
    expect(runRondo(['rerun', 'job/customer-export-rerun', '--failed', '--data-dir', rondo.dataDir])).toMatchObject({
      status: 1,
      stderr: 'rondo rerun: no index of job customer-export-rerun has failed\n',
    });
  });

  it('follows a change of parallelism while it runs', () => {
    ok(['delete', 'job', 'customer-export']);
    const job = manifestsOf<{ kind: string; spec: { parallelism: number } }>(`${directory}export.yaml`)[1]!;
    ok(['create', '-f', '-'], { ...job, spec: { ...job.spec, parallelism: 1 } });
    const mostUntil = (succeeded: number): number => {
      let most = 0;
      while (!isOver('customer-export') && Number(jobNow('customer-export').status['succeeded'] ?? 0) < succeeded)
        most = Math.max(most, running().length);
      return most;
    };
    expect(mostUntil(5)).toBe(1);
    ok(['patch', 'job', 'customer-export', '--type=merge', '-p', '{"spec":{"parallelism":8}}']);
    const most = mostUntil(batches);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(8);
    ok(['wait', '--for=condition=complete', 'job/customer-export', '--timeout=60s']);
    expect(exported().ids).toEqual(range(1, customers));
  });

  it('leaves the foreground its time where a core stays free: p99 within twice its idle value', () => {
    // A search by somebody at a screen: 8 ms of one core, 25 times a second, by four people.
    const sql = `\\set id random(1, ${customers})\nselect count(*) from customers where name like '%:id%';\n`;
    const look = (): number[] => postgres.latencies('shop', sql, { clients: 4, perSecond: 25, seconds: 6 });
    const p99 = (latencies: number[]): number =>
      latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * 0.99)]!;
    const suspend = (on: boolean): string =>
      ok(['patch', 'job', 'in-the-background', '--type=merge', '-p', JSON.stringify({ spec: { suspend: on } })]);
    const succeeded = (): number => Number(jobNow('in-the-background').status['succeeded'] ?? 0);
    createManyBatches('in-the-background', Math.max(1, Math.floor(availableParallelism() / 2)));
    const [idle, beside]: [number[], number[]] = [[], []];
    // In turns, so that whatever else this machine does falls on both.
    for (let turn = 1; turn <= 4; turn++) {
      idle.push(...look());
      suspend(false);
      const before = succeeded();
      beside.push(...look());
      expect(succeeded() - before).toBeGreaterThan(5);
      suspend(true);
    }
    console.log(`${succeeded()} batches; p99 ${p99(idle)} ms idle, ${p99(beside)} ms beside them`);
    expect(p99(beside)).toBeLessThanOrEqual(2 * p99(idle));
    ok(['delete', 'job', 'in-the-background', '--cascade=foreground']);
  });
});
