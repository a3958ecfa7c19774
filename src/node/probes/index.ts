// Health of containers: probes and the ways to ask, which lifecycle hooks share. Must not know Pods' plans or statuses.
export { ask } from './ask.ts';
export { maxOutputBytes, type Answer, type AskTarget, type ExecResult, type Handler } from './ask-target.ts';
export { runHook } from './run-hook.ts';
export { ContainerProber, isProbed, type Health } from './container-prober.ts';
export type { ProbeKind } from './probe-state.ts';
