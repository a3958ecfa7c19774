import type { LifecycleHandler, Pod, Probe } from '../api/index.ts';
import type { Clock } from '../clock/index.ts';
import type { Runtime } from '../runtimes/index.ts';
import { containerId, type ContainerView } from './container-view.ts';
import { ask, runHook, type Answer, type AskTarget, type ProbeKind } from './probes/index.ts';

/** Asks one attempt of one container, through its runtime where that answers itself. */
export interface ContainerAsker {
  probe(kind: ProbeKind, probe: Probe, signal: AbortSignal): Promise<Answer>;
  hook(handler: LifecycleHandler, signal: AbortSignal): Promise<Answer>;
}

interface Asked {
  readonly pod: Pod;
  readonly view: ContainerView;
  readonly runtime: Runtime;
  readonly clock: Clock;
}

export function containerAsker({ pod, view, runtime, clock }: Asked): ContainerAsker {
  const id = containerId(pod, view);
  const target: AskTarget = {
    container: view.container,
    address: runtime.capabilities.podAddress,
    exec: undefined,
  };
  return {
    probe: (kind, probe, signal) => {
      if (runtime.answerProbe === undefined) return ask(probe, target, signal);
      const result = runtime.answerProbe(id, kind);
      return Promise.resolve({ result, output: result === 'success' ? '' : 'simulated' });
    },
    hook: (handler, signal) => {
      // Simulated containers have nothing that a hook could reach; waiting is the same everywhere.
      const simulated = runtime.answerProbe !== undefined && handler.sleep === undefined;
      return simulated
        ? Promise.resolve({ result: 'success', output: '' })
        : runHook(handler, target, { clock, signal });
    },
  };
}
