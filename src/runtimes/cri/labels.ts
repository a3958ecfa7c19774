import type { Pod } from '../../api/index.ts';
import type { ContainerId } from '../runtime.ts';

/** Tells the sandboxes and containers of one data directory from those of others on the same runtime. */
export const ownerLabel = 'rondo.dev/owner';

// The kubelet's own, which tools know (crictl, cAdvisor).
const podName = 'io.kubernetes.pod.name';
const podNamespace = 'io.kubernetes.pod.namespace';
const podUid = 'io.kubernetes.pod.uid';
const containerName = 'io.kubernetes.container.name';

export function podLabels(pod: Pod, owner: string): Record<string, string> {
  const { name, namespace = '', uid } = pod.metadata;
  return { [podName]: name, [podNamespace]: namespace, [podUid]: uid, [ownerLabel]: owner };
}

export function containerLabels(pod: Pod, container: string, owner: string): Record<string, string> {
  return { ...podLabels(pod, owner), [containerName]: container };
}

/** What selects all that belongs to a Pod. */
export function podSelector(uid: string, owner: string): Record<string, string> {
  return { [podUid]: uid, [ownerLabel]: owner };
}

export function containerSelector(id: ContainerId, owner: string): Record<string, string> {
  return { ...podSelector(id.podUid, owner), [containerName]: id.container };
}

export function podUidOf(labels: Readonly<Record<string, string>>): string {
  return labels[podUid] ?? '';
}
