import type { Probe } from '../../api/index.ts';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';
export type ProbeResult = 'success' | 'failure';

/** Where one probe of one running container stands. */
export interface ProbeState {
  /** What counts now: changes only when a threshold is reached. Undefined: the startup probe has not decided yet. */
  readonly result: ProbeResult | undefined;
  /** The newest outcome, and how often it came in a row. */
  readonly last: ProbeResult | undefined;
  readonly streak: number;
}

/** Before the first outcome: alive, not ready, not known to have started (kubelet `prober.newWorker`). */
export function initialProbeState(kind: ProbeKind): ProbeState {
  const results: Record<ProbeKind, ProbeResult | undefined> = {
    startup: undefined,
    liveness: 'success',
    readiness: 'failure',
  };
  return { result: results[kind], last: undefined, streak: 0 };
}

/** The state after one more outcome: it counts once it came often enough in a row (kubelet `worker.doProbe`). */
export function nextProbeState(state: ProbeState, probe: Probe, outcome: ProbeResult): ProbeState {
  const streak = state.last === outcome ? state.streak + 1 : 1;
  const threshold = outcome === 'success' ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  return { result: streak >= threshold ? outcome : state.result, last: outcome, streak };
}
