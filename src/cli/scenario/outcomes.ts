import { completionIndexAnnotation, controllerOf, isSidecar, refOf, type ObjectRef } from '../../api/index.ts';
import { seededRandom, type ContainerRequest, type Random, type Script } from '../../engine/index.ts';
import { fits } from './names.ts';
import type { Distribution, Outcome, Scenario } from './scenario.ts';

export interface OutcomeContext {
  readonly now: () => number;
  /** `namespace/name` of the CronJob that a Job (by `namespace/name`) belongs to. */
  readonly cronJobOf: (job: string) => string | undefined;
  /** Evicts a Pod some time from now. */
  readonly evictAfter: (pod: ObjectRef, delayMs: number) => void;
}

/**
 * Decides what each start of a container does, by the scenario's outcomes. What is drawn depends on the seed, the Job, the
 * index and the attempt only: another CronJob in the scenario changes nothing here.
 */
export class Outcomes {
  readonly #scenario: Scenario;
  readonly #context: OutcomeContext;
  readonly #countsAttempts: boolean;
  /** Starts so far, by Job uid and completion index. */
  readonly #attempts = new Map<string, Map<string, number>>();

  constructor(scenario: Scenario, context: OutcomeContext) {
    this.#scenario = scenario;
    this.#context = context;
    this.#countsAttempts = scenario.outcomes.some(needsAttempt);
  }

  /** A Job is gone: its starts need not be counted any more. */
  forget(jobUid: string): void {
    this.#attempts.delete(jobUid);
  }

  /** Undefined: no outcome fits, the Pod's own annotations count. */
  decide({ id, pod }: ContainerRequest): Partial<Script> | undefined {
    if (this.#scenario.outcomes.length === 0) return undefined;
    const owner = controllerOf(pod);
    const job = `${pod.metadata.namespace}/${owner?.name ?? pod.metadata.name}`;
    const index = pod.metadata.annotations?.[completionIndexAnnotation];
    const attempt = this.#countsAttempts
      ? this.#attempt(owner?.uid ?? pod.metadata.uid, `${index}/${id.container}`)
      : 1;
    const start = {
      job,
      cronJob: this.#context.cronJobOf(job),
      index: index === undefined ? undefined : Number(index),
      container: id.container,
      prepares: pod.spec.initContainers?.some((init) => init.name === id.container && !isSidecar(init)) === true,
    };
    const nowMs = this.#context.now();
    const outcome = this.#scenario.outcomes.find((candidate) => covers(candidate, { ...start, attempt, nowMs }));
    if (outcome === undefined) return undefined;
    const random = seededRandom(
      hash(`${this.#scenario.seed}/${job}/${index}/${id.container}/${attempt}/${id.attempt}`),
    );
    const durationMs = draw(outcome.duration, random);
    if (outcome.result.type === 'evicted') this.#context.evictAfter(refOf(pod), durationMs);
    return scriptFor(outcome, durationMs);
  }

  #attempt(jobUid: string, work: string): number {
    let counts = this.#attempts.get(jobUid);
    if (counts === undefined) this.#attempts.set(jobUid, (counts = new Map()));
    const attempt = (counts.get(work) ?? 0) + 1;
    counts.set(work, attempt);
    return attempt;
  }
}

/** Retried Pods of one Job must not draw the same, and may be told apart by number. */
function needsAttempt(outcome: Outcome): boolean {
  return outcome.attempt !== undefined || outcome.duration.type !== 'fixed';
}

interface Start {
  readonly job: string;
  readonly cronJob: string | undefined;
  readonly index: number | undefined;
  readonly container: string;
  /** It is an init container: what is said of the Job is said of the others. */
  readonly prepares: boolean;
  readonly attempt: number;
  readonly nowMs: number;
}

function covers(outcome: Outcome, start: Start): boolean {
  const { job, index, container, attempt, fromMs, toMs } = outcome;
  if (container === undefined ? start.prepares : container !== start.container) return false;
  if (start.nowMs < fromMs || start.nowMs >= toMs) return false;
  if (index !== undefined && index !== start.index) return false;
  if (attempt !== undefined && (start.attempt < attempt.atLeast || start.attempt > attempt.atMost)) return false;
  return job === undefined || fits(job, start.job) || (start.cronJob !== undefined && fits(job, start.cronJob));
}

function scriptFor({ result }: Outcome, durationMs: number): Partial<Script> {
  switch (result.type) {
    case 'exits':
      return { exitCode: result.exitCode, oomKilled: false, durationMs };
    case 'outOfMemory':
      return { exitCode: 137, oomKilled: true, durationMs };
    case 'neverStarts':
      return { cannotStart: 'the scenario says that it never starts' };
    case 'evicted':
    case 'hangs':
      return { durationMs: Infinity };
  }
}

/** Whole milliseconds, never negative. */
function draw(distribution: Distribution, random: Random): number {
  switch (distribution.type) {
    case 'fixed':
      return distribution.ms;
    case 'uniform':
      return Math.round(distribution.minMs + random.float() * (distribution.maxMs - distribution.minMs));
    case 'normal': {
      // Box and Muller; 1 - float is never 0.
      const standard = Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float());
      return Math.max(0, Math.round(distribution.meanMs + standard * distribution.deviationMs));
    }
    case 'exponential':
      return Math.round(-Math.log(1 - random.float()) * distribution.meanMs);
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}
