import type { Container, Pod, PodSecurityContext, SecurityContext } from '../../api/index.ts';
import type { Admission, Announcement } from '../runtime.ts';
import { commonAnnouncements, isHostImage, isSafeName } from '../wrapped/index.ts';

/** What a kubelet lets Pods change without being told to (pkg/kubelet/sysctl/safe_sysctls.go). */
const safeSysctls: readonly string[] = [
  ...['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies'],
  ...['net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start', 'net.ipv4.ip_local_reserved_ports'],
  ...['net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl'],
  ...['net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'],
];

/** Decides from the Pod alone; fields that protect somebody and would not be enforced are refused by name. */
export function admitToCri(pod: Pod): Admission {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const message = podProblem(pod) ?? containers.map(containerProblem).find((found) => found !== undefined);
  if (message !== undefined) return { type: 'refuse', reason: 'CreateContainerConfigError', message };
  return { type: 'accept', announce: announcements(pod, containers) };
}

function notEnforced(field: string, why?: string): string {
  const reason = why === undefined ? '' : ` (${why})`;
  return `${field}: the cri runtime cannot enforce this${reason}; remove it or use another runtime`;
}

function podProblem(pod: Pod): string | undefined {
  if (!isSafeName(pod.metadata.uid)) return 'metadata.uid: is not a name that files can have';
  if (pod.spec.hostUsers === false) return notEnforced('spec.hostUsers: false');
  const context = pod.spec.securityContext;
  if (context === undefined) return undefined;
  const path = 'spec.securityContext';
  const hostNamespaces = { 'net.': pod.spec.hostNetwork, 'kernel.': pod.spec.hostIPC };
  for (const { name } of context.sysctls ?? []) {
    if (!safeSysctls.includes(name)) return `${path}.sysctls: forbidden sysctl: "${name}" not allowlisted`;
    const shared = Object.entries(hostNamespaces).find(([prefix, isShared]) => isShared && name.startsWith(prefix));
    if (shared !== undefined) return `${path}.sysctls: forbidden sysctl: "${name}" is the host's in this Pod`;
  }
  return profileProblem(context, path);
}

function containerProblem(container: Container): string | undefined {
  const path = `spec.containers{${container.name}}`;
  if (!isSafeName(container.name)) return `${path}.name: is not a name that files can have`;
  if (isHostImage(container.image ?? ''))
    return `${path}.image: rondo.dev/host is no image that a container runtime has; use the runtime sandbox or process`;
  if ((container.volumeDevices?.length ?? 0) > 0) return notEnforced(`${path}.volumeDevices`);
  const recursive = container.volumeMounts?.find(({ recursiveReadOnly }) => recursiveReadOnly === 'Enabled');
  if (recursive !== undefined) return notEnforced(`${path}.volumeMounts{${recursive.mountPath}}.recursiveReadOnly`);
  return profileProblem(container.securityContext ?? {}, `${path}.securityContext`);
}

function profileProblem(context: PodSecurityContext | SecurityContext, path: string): string | undefined {
  if (context.seccompProfile?.type === 'Localhost') return notEnforced(`${path}.seccompProfile`, 'profiles from files');
  return context.windowsOptions === undefined ? undefined : notEnforced(`${path}.windowsOptions`);
}

function announcements(pod: Pod, containers: readonly Container[]): Announcement[] {
  const names = new Set(containers.flatMap(({ resources }) => Object.keys(resources?.limits ?? {})));
  const known = ['cpu', 'memory', 'ephemeral-storage'];
  const enforced = (name: string): boolean => known.includes(name) || name.startsWith('hugepages-');
  const unlimited = [...names].filter((name) => !enforced(name));
  const result = commonAnnouncements(pod, []);
  if (unlimited.length > 0)
    result.push({
      reason: 'LimitsNotEnforced',
      message: `The cri runtime does not enforce limits of ${unlimited.join(', ')}`,
    });
  return result;
}
