import type { Pod } from '../api/index.ts';
import type { Runtime } from '../runtimes/index.ts';

/** `status.podIP`: the host's with `hostNetwork`, else what the runtime gave it; undefined while it has none. */
export function podAddressOf(pod: Pod, runtime: Runtime): string | undefined {
  if (pod.spec.hostNetwork === true) return runtime.capabilities.hostAddress;
  return runtime.podAddress(pod.metadata.uid);
}
