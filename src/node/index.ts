// The node agent: drives the life of its Pods and reports it. Promises: no container is started twice, no exit is lost,
// nothing of a deleted Pod is left. Must not know how a runtime runs containers, nor who made the Pods.
export type { NodeUsage, UsageRate } from './usage-sampler.ts';
export { createNodeAgent, type NodeAgent, type NodeAgentOptions } from './node-agent.ts';
export type { ServerAddress, ServerFor } from './pod-identity.ts';
export { createLocalProvisioner, type LocalProvisionerOptions } from './local-provisioner.ts';
