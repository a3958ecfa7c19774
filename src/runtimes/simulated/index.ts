// The simulated runtime: containers without processes, scripted by Pod annotations, driven by the Clock alone.
// Promises: the rules of `Runtime`, at 10 000 containers a second and more. Must not touch files, processes or timers.
export { createSimulatedRuntime, type SimulatedRuntimeOptions } from './simulated-runtime.ts';
export { createSimulatedMachine, type SimulatedMachine } from './machine.ts';
export {
  durationAnnotation,
  exitCodeAnnotation,
  ignoresTermAnnotation,
  logAnnotation,
  messageAnnotation,
  type Script,
} from './script.ts';
