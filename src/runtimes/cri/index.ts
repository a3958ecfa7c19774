// The cri runtime: containers run by containerd or CRI-O, asked over their unix socket (CRI, runtime.v1). Promises: the
// rules of `Runtime`, also when the container runtime goes away and comes back. Must not know what Pods are part of.
export { createCriRuntime, type CriRuntimeOptions } from './cri-runtime.ts';
export { criProblem } from './container-runtime.ts';
export { defaultSockets, findSocket, socketOf } from './endpoint.ts';
