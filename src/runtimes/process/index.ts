// The process runtime: plain processes on the host's own files, for machines with nothing but Node and a shell.
// Promises: the rules of `Runtime` under kill -9 of any part. Must not know what Pods are part of.
export { createProcessRuntime, type ProcessRuntimeOptions } from './process-runtime.ts';
