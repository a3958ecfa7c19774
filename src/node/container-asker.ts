import type { LifecycleHandler, Pod, Probe } from '../api/index.ts';
import type { Clock } from '../clock/index.ts';
import type { ContainerId, Runtime } from '../runtimes/index.ts';
import { containerId, type ContainerView } from './container-view.ts';
import { podAddressOf } from './pod-address.ts';
import {
  ask,
  maxOutputBytes,
  runHook,
  type Answer,
  type AskTarget,
  type ExecResult,
  type ProbeKind,
} from './probes/index.ts';

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
    address: podAddressOf(pod, runtime) ?? runtime.capabilities.hostAddress,
    exec: runtime.exec === undefined ? undefined : (command, signal) => execForOutput(runtime, id, { command, signal }),
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

/** Runs a command in a container and keeps the beginning of what it writes. */
async function execForOutput(
  runtime: Runtime,
  id: ContainerId,
  { command, signal }: { readonly command: readonly string[]; readonly signal: AbortSignal },
): Promise<ExecResult> {
  try {
    const { exitCode, output } = await (runtime.execToEnd?.(id, command, signal) ??
      execInSession(runtime, id, { command, signal }));
    if (!signal.aborted) return { exitCode, output: output.slice(0, maxOutputBytes) };
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  throw new Error(`command timed out: "${command.join(' ')}"`);
}

async function execInSession(
  runtime: Runtime,
  id: ContainerId,
  { command, signal }: { readonly command: readonly string[]; readonly signal: AbortSignal },
): Promise<ExecResult> {
  const session = runtime.exec?.(id, command);
  if (session === undefined) throw new Error('the runtime of this Pod cannot run commands in containers');
  const kill = (): void => session.kill();
  signal.addEventListener('abort', kill, { once: true });
  session.stdin.end();
  let output = '';
  const keep = (chunk: Buffer): void => {
    if (output.length < maxOutputBytes) output += chunk.toString().slice(0, maxOutputBytes - output.length);
  };
  session.stdout.on('data', keep);
  session.stderr.on('data', keep);
  try {
    return { exitCode: await session.exitCode, output };
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
