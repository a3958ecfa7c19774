import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  isAlreadyExists,
  jobFinishedCondition,
  resources,
  type Draft,
  type Job,
  type KubeObject,
  type Pod,
  type Resource,
} from '../../src/api/index.ts';
import type { Client } from '../../src/client/index.ts';
import { seededRandom } from '../../src/testing/index.ts';
import { clientFor } from './api.ts';
import { isAlive, processesNaming, startTicks } from './processes.ts';
import { removeDirectory, startRondo, temporaryDirectory, type Rondo } from './rondo.ts';
import { deferred, untilInDirectory, waitForObjects } from './waiting.ts';

/** What one Job does, and how that must end. */
interface Case {
  readonly name: string;
  readonly spec: object;
  /** Run by each attempt; `$n` counts the attempts of this container from 0. */
  readonly script: string;
  readonly restartPolicy: 'Never' | 'OnFailure';
  readonly end: 'Complete' | 'Failed';
  /** Exit codes of the attempts of each Pod, one entry per Pod, sorted. */
  readonly codes: readonly (readonly number[])[];
}

const hold = (code: number): string => `until [ -e "$TEST_DIR/release" ]; do sleep 0.05; done; exit ${code}`;

function cases(): Case[] {
  const never = { restartPolicy: 'Never' } as const;
  const onFailure = { restartPolicy: 'OnFailure' } as const;
  const once = { backoffLimit: 0 };
  const indexed = (completions: number, parallelism: number) => ({
    ...once,
    completionMode: 'Indexed',
    completions,
    parallelism,
  });
  const good = (name: string, script: string): Case => {
    return { name, spec: once, script, ...never, end: 'Complete', codes: [[0]] };
  };
  const bad = (name: string, script: string, code: number): Case => {
    return { name, spec: once, script, ...never, end: 'Failed', codes: [[code]] };
  };
  const fails = 'if [ "$n" = 0 ]; then exit 42; fi; sleep 0.3; exit 0';
  return [
    good('zero-at-once', 'exit 0'),
    good('zero-soon', 'sleep 0.2; exit 0'),
    good('zero-later', 'sleep 1; exit 0'),
    good('zero-late', 'sleep 3; exit 0'),
    bad('one-at-once', 'exit 1', 1),
    bad('one-later', 'sleep 0.7; exit 1', 1),
    bad('seven-at-once', 'exit 7', 7),
    bad('seven-later', 'sleep 1.3; exit 7', 7),
    bad('fortytwo-soon', 'sleep 0.4; exit 42', 42),
    bad('fortytwo-late', 'sleep 2.5; exit 42', 42),
    good('held-zero', hold(0)),
    bad('held-seven', hold(7), 7),
    { ...good('held-on-failure', hold(0)), ...onFailure },
    { ...good('held-indexed', hold(0)), spec: indexed(3, 3), codes: [[0], [0], [0]] },
    { ...good('indexed', 'sleep 0.5; exit 0'), spec: indexed(4, 2), codes: [[0], [0], [0], [0]] },
    { ...bad('indexed-bad', 'sleep 0.$JOB_COMPLETION_INDEX; exit 1', 1), spec: indexed(1, 1) },
    { ...good('many', 'sleep 0.6; exit 0'), spec: { completions: 3, parallelism: 2 }, codes: [[0], [0], [0]] },
    { ...good('restarted', fails), ...onFailure, spec: { backoffLimit: 3 }, codes: [[42, 0]] },
    { ...good('restarted-indexed', fails), ...onFailure, spec: { ...indexed(2, 2), backoffLimit: 6 }, codes: [[42, 0], [42, 0]] }, // prettier-ignore
    { ...bad('retried', 'sleep 0.2; exit 1', 1), spec: { backoffLimit: 1 }, codes: [[1], [1]] },
  ];
}

/**
 * Each attempt adds one line with its pid (`$$`, doubled for Kubernetes' own expansion) to a file of its own, whose
 * name says Pod and attempt.
 */
const record =
  'echo "$$$$" >> "$TEST_DIR/attempts/$RONDO_CONTAINER"; n=${RONDO_CONTAINER##*_}; echo "begin $n"; trap "echo end $n" EXIT; ';

function jobOf({ name, spec, script, restartPolicy }: Case, testDir: string) {
  const container = {
    name: 'main',
    image: 'rondo.dev/host',
    command: ['/bin/sh', '-c', record + script],
    env: [{ name: 'TEST_DIR', value: testDir }],
  };
  const template = { spec: { restartPolicy, terminationGracePeriodSeconds: 1, containers: [container] } };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace: 'default' }, spec: { ...spec, template } };
}

/** Kills come this long after the ready line, after this many events, or while the engine starts. */
type Moment = { readonly after: 'ready' | 'spawn'; readonly ms: number } | { readonly after: 'events'; readonly count: number }; // prettier-ignore

function moments(seed: number): Moment[] {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random.float() * limit);
  const drawn = Array.from({ length: 10 }, (): Moment => {
    return random.float() < 0.5 ? { after: 'ready', ms: below(600) } : { after: 'events', count: 1 + below(40) };
  });
  // Two more of them before it is ready, somewhere in between.
  for (const at of [3, 7]) drawn.splice(at, 0, { after: 'spawn', ms: 50 + below(500) });
  return drawn;
}

class Trial {
  readonly dataDir = temporaryDirectory();
  readonly testDir = temporaryDirectory();
  readonly attempts = join(this.testDir, 'attempts');
  readonly waiting: Case[] = cases();
  /** Names of what the engine has said is stored. */
  readonly acknowledged = new Set<string>();
  /** The counter's value in the newest write, and in the newest one that the engine has said is stored. */
  counter = { written: 0, acknowledged: 0 };

  constructor() {
    mkdirSync(this.attempts);
  }

  /** Writes all the time: up to `jobs` Jobs, and a counter. Ends with the engine. */
  async write(rondo: Rondo, killed: AbortSignal, jobs = 3): Promise<void> {
    const client = clientFor(rondo);
    try {
      await this.#store(client, resources.configMaps, { metadata: { namespace: 'default', name: 'counter' } });
      for (let round = 0; !killed.aborted; round++) {
        if (round < jobs) await this.#submitOne(client);
        await this.#count(client);
      }
    } catch (error) {
      if (!killed.aborted) throw error;
    }
  }

  async #submitOne(client: Client): Promise<void> {
    const next = this.waiting[0];
    if (next === undefined) return;
    await this.#store(client, resources.configMaps, { metadata: { namespace: 'default', name: `note-${next.name}` } });
    await this.#store(client, resources.jobs, jobOf(next, this.testDir));
    this.waiting.shift();
  }

  async #store<T extends KubeObject>(client: Client, resource: Resource<T>, draft: object): Promise<void> {
    try {
      const { metadata } = await client.create(resource, draft as Draft<T>);
      this.acknowledged.add(`${resource.resource}/${metadata.name} ${metadata.uid}`);
    } catch (error) {
      // Stored by an engine that was killed before it could say so.
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async #count(client: Client): Promise<void> {
    const number = ++this.counter.written;
    const body = { data: { number: String(number) } };
    await client.patch(resources.configMaps, { namespace: 'default', name: 'counter' }, { type: 'merge', body });
    this.counter.acknowledged = number;
  }

  attemptFiles(): Map<string, string[]> {
    const read = (name: string): string[] => readFileSync(join(this.attempts, name), 'utf8').split('\n').slice(0, -1);
    return new Map(readdirSync(this.attempts).map((name) => [name, read(name)]));
  }

  /** Attempts whose processes run now, with what tells each from every other process. */
  running(): Map<string, string> {
    const found = new Map<string, string>();
    for (const [token, [pid]] of this.attemptFiles()) {
      if (pid !== undefined && isAlive(Number(pid))) found.set(token, `${pid} since ${startTicks(Number(pid))}`);
    }
    return found;
  }

  /** Runs the engine until the moment, kills it, and waits until it is dead. */
  async killAt(moment: Moment): Promise<void> {
    if (moment.after === 'spawn') return this.#killWhileStarting(moment.ms);
    const rondo = await startRondo({ dataDir: this.dataDir });
    await this.checkAdopted(rondo);
    const killed = new AbortController();
    const writing = this.write(rondo, killed.signal);
    await Promise.race([writing, momentComes(rondo, moment)]);
    killed.abort();
    this.before = await podsByUid(rondo);
    await rondo.stop('SIGKILL');
    await writing;
  }

  async #killWhileStarting(ms: number): Promise<void> {
    const started = startRondo({
      dataDir: this.dataDir,
      onSpawn: (child) => setTimeout(() => child.kill('SIGKILL'), ms),
    });
    await started.then((rondo) => rondo.stop('SIGKILL')).catch(() => undefined);
  }

  before = new Map<string, Pod>();
  /** How often a container was found again by a new engine. */
  adoptions = 0;

  /** What ran before the engine was killed and runs now is known to the new engine as the same container. */
  async checkAdopted(rondo: Rondo): Promise<void> {
    const now = await podsByUid(rondo);
    for (const token of this.running().keys()) {
      const [uid = '', , attempt] = token.split('_');
      const before = this.before.get(uid)?.status.containerStatuses?.[0];
      if (before?.state?.running === undefined || String(before.restartCount) !== attempt) continue;
      const after = now.get(uid)?.status.containerStatuses?.[0];
      expect(after, `container ${token} after the restart`).toMatchObject({
        containerID: before.containerID,
        restartCount: before.restartCount,
      });
      this.adoptions += 1;
    }
  }
}

async function podsByUid(rondo: Rondo): Promise<Map<string, Pod>> {
  const { items } = await clientFor(rondo).list(resources.pods);
  return new Map(items.map((pod) => [pod.metadata.uid, pod]));
}

async function momentComes(rondo: Rondo, moment: Exclude<Moment, { after: 'spawn' }>): Promise<void> {
  const { promise, resolve } = deferred<void>();
  // So many events may never come.
  const timer = setTimeout(resolve, moment.after === 'ready' ? moment.ms : 1500);
  if (moment.after === 'events') {
    const { resourceVersion } = await clientFor(rondo).list(resources.pods);
    let seen = 0;
    const onEvents = (events: readonly unknown[]): void => {
      seen += events.length;
      if (seen >= moment.count) resolve();
    };
    clientFor(rondo).watch(resources.pods, { resourceVersion }, { onEvents, onEnd: () => resolve() });
  }
  await promise;
  clearTimeout(timer);
}

const linux = process.platform === 'linux';

if (!linux) console.log('SKIPPED: kill -9 of the engine: processes are told apart by /proc, which only Linux has');
describe.skipIf(!linux)('an engine killed with -9 again and again', () => {
  const trial = new Trial();
  let rondo: Rondo | undefined;
  afterAll(async () => {
    await rondo?.stop('SIGKILL');
    for (const { pid } of processesNaming(trial.testDir)) process.kill(pid, 'SIGKILL');
    for (const directory of [trial.dataDir, trial.testDir]) removeDirectory(directory);
  });

  it('loses nothing, repeats nothing and ends every Job as it must', async () => {
    const seed = Number(process.env['RONDO_SEED'] ?? Math.floor(Math.random() * 1e9));
    console.log(`kill -9: seed ${seed}`);
    const held = new Map<string, string>();
    for (const moment of moments(seed)) {
      await trial.killAt(moment);
      const running = trial.running();
      // Containers that wait for the release file outlive every engine.
      for (const [token, known] of held) expect(running.get(token), `held container ${token}`).toBe(known);
      for (const [token, known] of running) if (isHeld(known)) held.set(token, known);
    }
    rondo = await startRondo({ dataDir: trial.dataDir });
    await trial.checkAdopted(rondo);
    const ending = new AbortController();
    while (trial.waiting.length > 0) await submitRest(trial, rondo, ending);
    expect(held.size).toBeGreaterThan(0);
    expect(trial.adoptions).toBeGreaterThan(0);
    writeFileSync(join(trial.testDir, 'release'), '');
    const client = clientFor(rondo);
    const jobs = await waitForObjects(client, resources.jobs, {
      what: 'the end of all Jobs',
      timeoutMs: 90_000,
      until: (all) => all.every((job) => jobFinishedCondition(job) !== undefined),
    });
    await checkAcknowledged(trial, client, jobs);
    checkAttempts(trial);
    const pods = (await client.list(resources.pods)).items;
    for (const expected of cases()) checkCase(expected, jobs, pods);
  }, 180_000);

  it('leaves nothing after everything was deleted', async () => {
    const client = clientFor(rondo!);
    await client.deleteCollection(resources.jobs, { namespace: 'default', propagationPolicy: 'Background' });
    await waitForObjects(client, resources.pods, { what: 'the end of all Pods', until: (pods) => pods.length === 0 });
    for (const directory of ['claims', 'exits', 'pods']) {
      const path = join(trial.dataDir, 'pods', directory);
      await untilInDirectory(path, `${directory} to be empty`, () => readdirSync(path).length === 0);
    }
    expect(processesNaming(trial.testDir)).toEqual([]);
    expect(await rondo!.stop()).toBe(0);
    expect(processesNaming(trial.dataDir)).toEqual([]);
  }, 60_000);
});

/** The shell of a container that waits for the release file says so in its arguments; one that has just ended does not wait. */
function isHeld(known: string): boolean {
  const file = `/proc/${known.split(' ')[0] ?? ''}/cmdline`;
  try {
    return readFileSync(file, 'utf8').includes('/release');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

async function submitRest(trial: Trial, rondo: Rondo, ending: AbortController): Promise<void> {
  const writing = trial.write(rondo, ending.signal, Infinity);
  const { resourceVersion } = await clientFor(rondo).list(resources.jobs);
  const { promise, resolve } = deferred<void>();
  const onEvents = (): void => {
    if (trial.waiting.length === 0) resolve();
  };
  const handler = { onEvents, onEnd: () => resolve() };
  const stream = clientFor(rondo).watch(resources.configMaps, { resourceVersion }, handler);
  await Promise.race([promise, writing]);
  stream.close();
  ending.abort();
  await writing;
}

async function checkAcknowledged(trial: Trial, client: Client, jobs: readonly Job[]): Promise<void> {
  const configMaps = (await client.list(resources.configMaps, { namespace: 'default' })).items;
  const found = new Set([
    ...jobs.map(({ metadata }) => `jobs/${metadata.name} ${metadata.uid}`),
    ...configMaps.map(({ metadata }) => `configmaps/${metadata.name} ${metadata.uid}`),
  ]);
  expect([...trial.acknowledged].filter((name) => !found.has(name))).toEqual([]);
  const counter = Number(configMaps.find(({ metadata }) => metadata.name === 'counter')?.data?.['number']);
  expect(counter).toBeGreaterThanOrEqual(trial.counter.acknowledged);
  expect(counter).toBeLessThanOrEqual(trial.counter.written);
}

/** No attempt ran twice, and none that nobody asked for. */
function checkAttempts(trial: Trial): void {
  const files = trial.attemptFiles();
  expect([...files].filter(([, lines]) => lines.length !== 1)).toEqual([]);
  expect(files.size).toBe(cases().flatMap(({ codes }) => codes.flat()).length);
}

function checkCase(expected: Case, jobs: readonly Job[], pods: readonly Pod[]): void {
  const { name, codes } = expected;
  const job = jobs.find(({ metadata }) => metadata.name === name);
  const own = pods.filter(({ metadata }) => metadata.labels?.['batch.kubernetes.io/job-name'] === name);
  const succeeded = codes.filter((attempts) => attempts.at(-1) === 0).length;
  expect(jobFinishedCondition(job!)?.type, `${name}: ${JSON.stringify(job?.status)}`).toBe(expected.end);
  expect([job?.status.succeeded ?? 0, job?.status.failed ?? 0, job?.status.active ?? 0], name).toEqual([
    succeeded,
    codes.length - succeeded,
    0,
  ]);
  expect(own.map(exitCodes), `exit codes of ${name}`).toEqual(codes);
}

/** What the Pod's status tells of its attempts: the one before the last, if any, and the last. */
function exitCodes(pod: Pod): number[] {
  const status = pod.status.containerStatuses?.[0];
  const ends = [status?.lastState?.terminated, status?.state?.terminated].filter((end) => end !== undefined);
  expect(ends, pod.metadata.name).toHaveLength(1 + (status?.restartCount ?? 0));
  return ends.map(({ exitCode }) => exitCode);
}
