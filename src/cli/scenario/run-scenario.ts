import { isNotFound, notFound, objectKey, resources, ApiError } from '../../api/index.ts';
import type { CronJob, Draft, Job, KubeObject, ObjectRef, Resource } from '../../api/index.ts';
import { createVirtualEngine, formatDuration, systemClock, type VirtualEngine } from '../../engine/index.ts';
import { UsageError, type Terminal } from '../command.ts';
import { faultAt } from './fields.ts';
import { creationOrder, manifestResource } from './manifest-kinds.ts';
import { fits, qualified, splitName } from './names.ts';
import { Outcomes } from './outcomes.ts';
import { rejection, type LocatedManifest } from './read-files.ts';
import { Recorder } from './recorder.ts';
import type { Act, Happening, Manifest, NamePattern, Scenario } from './scenario.ts';

/** Everything that happened. */
export interface Recording {
  readonly scenario: Scenario;
  readonly recorder: Recorder;
  /** When the engine was down, in wall time. */
  readonly downtimes: readonly { readonly fromMs: number; readonly toMs: number }[];
  /** Where the wall clock was stepped. */
  readonly clockSteps: readonly ClockStep[];
  /** Wall time at the end. */
  readonly endMs: number;
}

/** From one wall time to another, at an elapsed time since the beginning. */
export interface ClockStep {
  readonly fromMs: number;
  readonly toMs: number;
  readonly elapsedMs: number;
}

/** Somebody wants it to end: nothing is reported. */
export class InterruptedError extends Error {}

/** How much time passes between two looks at whether somebody interrupts. */
const stepMs = 86_400_000;

/**
 * Runs a scenario to its end on an engine of its own.
 * @throws UsageError when the API server refuses a manifest or a happening
 * @throws InterruptedError
 */
export async function runScenario(
  scenario: Scenario,
  manifests: readonly LocatedManifest[],
  terminal: Pick<Terminal, 'error' | 'interrupted'>,
): Promise<Recording> {
  return new ScenarioRun(scenario, terminal).run(manifests);
}

class ScenarioRun {
  readonly #scenario: Scenario;
  readonly #interrupted: AbortSignal;
  readonly #engine: VirtualEngine;
  readonly #recorder: Recorder;
  readonly #downtimes: { fromMs: number; toMs: number }[] = [];
  readonly #clockSteps: ClockStep[] = [];
  /** Pods that were due to be evicted while the engine was down. */
  readonly #evictions: ObjectRef[] = [];
  #failure: unknown;
  #triggers = 0;

  constructor(scenario: Scenario, { interrupted, error }: Pick<Terminal, 'error' | 'interrupted'>) {
    this.#scenario = scenario;
    this.#interrupted = interrupted;
    const now = (): number => this.#engine.clock.now();
    const outcomes = new Outcomes(scenario, {
      now,
      cronJobOf: (job) => this.#recorder.cronJobOf(job),
      evictAfter: (pod, delayMs) => void this.#engine.clock.after(delayMs, () => this.#evict(pod)),
    });
    this.#engine = createVirtualEngine({
      startMs: scenario.startMs,
      seed: scenario.seed,
      timeZone: scenario.timeZone,
      writeLog: (line) => error(`${line}\n`),
      script: (request) => outcomes.decide(request),
      onEvent: (event) => this.#recorder.event(event),
    });
    this.#recorder = new Recorder(this.#engine.clock, (uid) => outcomes.forget(uid));
  }

  async run(manifests: readonly LocatedManifest[]): Promise<Recording> {
    const { clock, client } = this.#engine;
    this.#recorder.follow(client);
    await this.#engine.up();
    await this.#createAll(manifests);
    for (const happening of this.#scenario.happenings) {
      await this.#advanceTo(happening.atMs);
      await this.#act(happening);
      await clock.settle();
    }
    await this.#advanceTo(this.#scenario.endMs);
    const { fromMs, toMs } = this.#downtimes.at(-1) ?? { fromMs: 0, toMs: 0 };
    if (toMs === Infinity) this.#downtimes.splice(-1, 1, { fromMs, toMs: clock.now() });
    return {
      scenario: this.#scenario,
      recorder: this.#recorder,
      downtimes: this.#downtimes,
      clockSteps: this.#clockSteps,
      endMs: clock.now(),
    };
  }

  /** The instants of a scenario count elapsed time: steps of the wall clock do not move them. */
  async #advanceTo(atMs: number): Promise<void> {
    const { clock } = this.#engine;
    const targetMs = atMs - this.#scenario.startMs;
    while (clock.monotonic() < targetMs) {
      await clock.advance(Math.min(stepMs, targetMs - clock.monotonic()));
      // Time passes without a turn of the event loop: signals come in here.
      await systemClock.yield();
      if (this.#interrupted.aborted) throw new InterruptedError();
      if (this.#failure !== undefined) throw this.#failure;
    }
  }

  async #createAll(manifests: readonly LocatedManifest[]): Promise<void> {
    const { client, clock } = this.#engine;
    const turn = ({ manifest }: LocatedManifest): number => creationOrder(manifest.kind);
    const ordered = manifests.toSorted((a, b) => turn(a) - turn(b));
    await this.#createNamespaces(ordered);
    for (const located of ordered) {
      try {
        await client.create(manifestResource(located.manifest.kind)!, located.manifest);
      } catch (error) {
        if (error instanceof ApiError && error.code < 500) throw rejection(located, error);
        throw error;
      }
    }
    await clock.settle();
  }

  /** Namespaces that manifests only mention; Pods need what a controller makes in each. */
  async #createNamespaces(manifests: readonly LocatedManifest[]): Promise<void> {
    const { client, clock } = this.#engine;
    const made = new Set(['default', 'kube-system', 'kube-public', 'kube-node-lease']);
    for (const { manifest } of manifests) if (manifest.kind === 'Namespace') made.add(manifest.metadata.name!);
    for (const { manifest } of manifests) {
      const name = manifest.metadata.namespace;
      if (name === undefined || made.has(name)) continue;
      made.add(name);
      await client.create(resources.namespaces, { metadata: { name }, spec: {} });
    }
    await clock.settle();
  }

  async #act(happening: Happening): Promise<void> {
    try {
      await this.#carryOut(happening);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code >= 500) throw error;
      throw new UsageError(faultAt(this.#scenario.source, happening.path, error.message), { cause: error });
    }
  }

  async #carryOut(act: Act): Promise<void> {
    const { client, clock } = this.#engine;
    switch (act.type) {
      case 'engineDown':
        this.#recorder.note('', 'the engine goes down');
        this.#downtimes.push({ fromMs: clock.now(), toMs: Infinity });
        return this.#engine.down();
      case 'engineUp':
        return this.#up();
      case 'suspend':
      case 'resume': {
        const body = { spec: { suspend: act.type === 'suspend' } };
        for (const name of await this.#allNamed(resources.cronJobs, act.cronJob)) {
          this.#recorder.note(name, act.type === 'suspend' ? 'is suspended' : 'is resumed');
          await client.patch(resources.cronJobs, splitName(name), { type: 'merge', body });
        }
        return;
      }
      case 'trigger':
        for (const name of await this.#allNamed(resources.cronJobs, act.cronJob)) await this.#trigger(splitName(name));
        return;
      case 'apply':
        return this.#apply(act.manifest);
      case 'delete': {
        const resource = manifestResource(act.kind)!;
        for (const full of await this.#allNamed(resource, act.name)) {
          const { namespace, name } = splitName(full);
          this.#recorder.note(act.kind === 'CronJob' ? full : '', `${act.kind} ${name} is deleted`);
          const ref = resource.namespaced ? { namespace, name } : { name };
          await client.delete(resource, ref, { propagationPolicy: 'Background' });
        }
        return;
      }
      case 'clockStep': {
        const fromMs = clock.now();
        this.#recorder.note('', `the clock is stepped by ${formatDuration(act.byMs)}`);
        clock.setWallTime(fromMs + act.byMs);
        this.#clockSteps.push({ fromMs, toMs: clock.now(), elapsedMs: clock.monotonic() });
      }
    }
  }

  /** `namespace/name` of everything that fits a pattern now; a name without `*` stands for itself. */
  async #allNamed(resource: Resource<KubeObject>, pattern: NamePattern): Promise<readonly string[]> {
    if (!pattern.includes('*')) return [pattern];
    const { items } = await this.#engine.client.list(resource);
    const named = items.map(({ metadata }) => qualified(objectKey(metadata))).filter((name) => fits(pattern, name));
    if (named.length === 0) throw notFound(resource, splitName(pattern).name);
    return named.toSorted();
  }

  async #up(): Promise<void> {
    const { clock } = this.#engine;
    const { fromMs } = this.#downtimes.pop()!;
    this.#downtimes.push({ fromMs, toMs: clock.now() });
    this.#recorder.note('', 'the engine is up again');
    await this.#engine.up();
    for (const pod of this.#evictions.splice(0)) this.#evict(pod);
  }

  /** As `kubectl create job --from=cronjob/NAME`. */
  async #trigger(ref: { readonly namespace: string; readonly name: string }): Promise<void> {
    const { client } = this.#engine;
    const cronJob = await client.get<CronJob>(resources.cronJobs, ref);
    const { metadata: template, spec } = cronJob.spec.jobTemplate;
    const { uid, name, namespace } = cronJob.metadata;
    this.#recorder.note(`${ref.namespace}/${ref.name}`, 'is triggered by hand');
    const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name, uid, controller: true };
    const draft = {
      metadata: {
        name: `${name}-manual-${++this.#triggers}`,
        namespace,
        labels: template?.labels,
        annotations: { ...template?.annotations, 'cronjob.kubernetes.io/instantiate': 'manual' },
        ownerReferences: [owner],
      },
      spec,
    };
    await client.create<Job>(resources.jobs, draft as Draft<Job>);
  }

  /** Merges into what is there, or creates it. */
  async #apply(manifest: Manifest): Promise<void> {
    const { client } = this.#engine;
    const resource = manifestResource(manifest.kind)!;
    const { namespace, name = '' } = manifest.metadata;
    const ref = namespace === undefined ? { name } : { namespace, name };
    this.#recorder.note(
      manifest.kind === 'CronJob' ? `${namespace}/${name}` : '',
      `${manifest.kind} ${name} is applied`,
    );
    try {
      await client.patch(resource, ref, { type: 'merge', body: manifest as unknown as Record<string, unknown> });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await client.create(resource, manifest);
    }
  }

  #evict(pod: ObjectRef): void {
    if (!this.#engine.isUp) {
      this.#evictions.push(pod);
      return;
    }
    this.#engine.client.evict(pod).catch((error: unknown) => {
      // It ended or was deleted before.
      if (!isNotFound(error)) this.#failure ??= error;
    });
  }
}
