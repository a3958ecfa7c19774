import type { Container, Probe } from '../../api/index.ts';
import type { Clock, Timer } from '../../clock/index.ts';
import type { Answer } from './ask-target.ts';
import { initialProbeState, nextProbeState, type ProbeKind, type ProbeState } from './probe-state.ts';

/** What the probes of one running container say together. */
export interface Health {
  /** The startup probe has succeeded, or there is none. */
  readonly started: boolean;
  readonly ready: boolean;
  /** The probe for which the container has to be stopped. */
  readonly failed: 'liveness' | 'startup' | undefined;
}

export interface ContainerProberOptions {
  readonly clock: Clock;
  readonly container: Container;
  /** When this attempt of the container began to run. */
  readonly startedAtMs: number;
  /** Asks the container once. Never rejects. */
  readonly ask: (kind: ProbeKind, probe: Probe, signal: AbortSignal) => Promise<Answer>;
  /** Called when `health` has changed. */
  readonly onChange: () => void;
  /** Called for each outcome that is no success. */
  readonly onUnhealthy: (kind: ProbeKind, output: string) => void;
}

const probeFields = { startup: 'startupProbe', liveness: 'livenessProbe', readiness: 'readinessProbe' } as const;
const kinds = Object.keys(probeFields) as readonly ProbeKind[];

/** True if a container has anything to probe. */
export function isProbed(container: Container): boolean {
  return kinds.some((kind) => container[probeFields[kind]] !== undefined);
}

/**
 * Probes one attempt of one container from its start to its end, by the rules of the kubelet's prober: the startup
 * probe alone until it has succeeded, then liveness and readiness, each at its own period.
 */
export class ContainerProber {
  readonly #options: ContainerProberOptions;
  readonly #states = new Map<ProbeKind, ProbeState>();
  readonly #timers = new Map<ProbeKind, Timer>();
  readonly #stop = new AbortController();
  #failed: Health['failed'];
  #endsRestarts = false;

  constructor(options: ContainerProberOptions) {
    this.#options = options;
    for (const kind of kinds) if (this.#probe(kind) !== undefined) this.#states.set(kind, initialProbeState(kind));
    if (this.#states.has('startup')) this.#scheduleFirst('startup');
    else this.#beginSteady();
  }

  get health(): Health {
    const started = this.#succeeded('startup');
    const ready = started && this.#succeeded('readiness');
    return { started, ready, failed: this.#failed };
  }

  /** The Pod is being deleted: from now on only readiness matters, since nothing is restarted any more. */
  endRestarts(): void {
    this.#endsRestarts = true;
    this.#failed = undefined;
    for (const kind of ['startup', 'liveness'] as const) this.#timers.get(kind)?.cancel();
  }

  stop(): void {
    this.#stop.abort();
    for (const timer of this.#timers.values()) timer.cancel();
  }

  #succeeded(kind: ProbeKind): boolean {
    return !this.#states.has(kind) || this.#states.get(kind)?.result === 'success';
  }

  #probe(kind: ProbeKind): Probe | undefined {
    return this.#options.container[probeFields[kind]];
  }

  #beginSteady(): void {
    for (const kind of ['liveness', 'readiness'] as const) if (this.#states.has(kind)) this.#scheduleFirst(kind);
  }

  #scheduleFirst(kind: ProbeKind): void {
    const { clock, startedAtMs } = this.#options;
    const delayMs = (this.#probe(kind)?.initialDelaySeconds ?? 0) * 1000;
    this.#schedule(kind, Math.max(0, startedAtMs + delayMs - clock.now()));
  }

  #schedule(kind: ProbeKind, delayMs: number): void {
    this.#timers.set(
      kind,
      this.#options.clock.after(delayMs, () => void this.#once(kind)),
    );
  }

  async #once(kind: ProbeKind): Promise<void> {
    const probe = this.#probe(kind);
    if (probe === undefined || this.#stop.signal.aborted) return;
    // The next time counts from this one's beginning, so that slow answers do not stretch the period.
    const { clock } = this.#options;
    const nextAtMs = clock.monotonic() + (probe.periodSeconds ?? 10) * 1000;
    const answer = await this.#askInTime(kind, probe);
    if (this.#stop.signal.aborted || this.#isOff(kind)) return;
    this.#settle(kind, probe, answer);
    const over = this.#failed === kind || (kind === 'startup' && this.health.started);
    if (!over) this.#schedule(kind, Math.max(0, nextAtMs - clock.monotonic()));
  }

  #isOff(kind: ProbeKind): boolean {
    return this.#endsRestarts && kind !== 'readiness';
  }

  async #askInTime(kind: ProbeKind, probe: Probe): Promise<Answer> {
    const limit = new AbortController();
    const timer = this.#options.clock.after((probe.timeoutSeconds ?? 1) * 1000, () => limit.abort());
    try {
      return await this.#options.ask(kind, probe, AbortSignal.any([limit.signal, this.#stop.signal]));
    } finally {
      timer.cancel();
    }
  }

  #settle(kind: ProbeKind, probe: Probe, answer: Answer): void {
    const before = this.#states.get(kind) ?? initialProbeState(kind);
    const after = nextProbeState(before, probe, answer.result);
    this.#states.set(kind, after);
    if (answer.result === 'failure') this.#options.onUnhealthy(kind, answer.output);
    if (after.result === before.result) return;
    if (after.result === 'failure' && kind !== 'readiness') this.#failed = kind;
    if (kind === 'startup' && after.result === 'success') this.#beginSteady();
    this.#options.onChange();
  }
}
