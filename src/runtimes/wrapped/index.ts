// What the runtimes share that run containers as processes of this machine (process, sandbox): a wrapper around each,
// which claims and records, and an engine that may die at any moment. Promises: the rules of `Runtime` under kill -9 of
// any part. Must not know what a container sees of the machine: that is the style's matter.
export { commonAnnouncements } from './announcements.ts';
export { machineCapabilities } from './capabilities.ts';
export { findStarter, findTerminal, starterRequest } from './compiled-starter.ts';
export { inputOf, type OpenInput } from './container-inputs.ts';
export { directoryProblem, resolveCommand } from './command.ts';
export { baseEnvironment, defaultPath, splitEnvironment, volumeVariable, type Environment } from './environment.ts';
export { hasOwn, privilegesOf, setprivWords, type ExecPlan, type ProcessPrivileges } from './exec.ts';
export { hostImage, isHostImage } from './host-image.ts';
export {
  containerFiles,
  isSafeName,
  layoutOf,
  podFiles,
  tokenOf,
  type ContainerFiles,
  type ExitKind,
  type ExitRecord,
  type Layout,
  type PodFiles,
} from './layout.ts';
export {
  existingAncestor,
  kernelDirectories,
  memoryMounts,
  memorySource,
  plannedMounts,
  resolveTarget,
  submounts,
  volumeSource,
  type PlannedMount,
} from './mount-plan.ts';
export { ask } from './probe.ts';
export {
  initProcess,
  isAlive,
  livingProcesses,
  readClaim,
  signalMarked,
  type Claim,
  type ProcessIdentity,
} from './processes.ts';
export { shellQuote } from './shell-quote.ts';
export type { RunningContainers, RuntimeStyle, StartPlan } from './style.ts';
export { diskUsage, writeVolumes } from './volumes.ts';
export { WrappedRuntime, type WrappedRuntimeOptions } from './wrapped-runtime.ts';
export { startText, type StartCommand } from './wrapper.ts';
