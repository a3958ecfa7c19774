// The sandbox runtime: each container in namespaces of its own, on an overlay of the host's files or of an image's
// layers, within its limits and privileges. Promises: the rules of `Runtime`; nothing is left of a Pod that was
// removed. Must not know where images come from, nor what Pods are part of.
export { createSandboxRuntime, type SandboxRuntimeOptions } from './sandbox-runtime.ts';
export {
  likelyGateway,
  parsePodNetwork,
  type PodNetworkChoice,
  type PodNetworkServices,
  type PodNetworkUp,
} from './network/sandbox-network.ts';
export { sandboxProblem } from './probe-sandbox.ts';
