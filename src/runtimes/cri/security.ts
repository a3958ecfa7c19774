import type { Container, Pod, SecurityContext } from '../../api/index.ts';
import { RuntimeError } from '../runtime.ts';
import type { containerSecurity } from './protocol/containers.ts';
import type { Sent } from './protocol/message.ts';
import type { namespaceOptions, profileOf, sandboxConfig } from './protocol/pod-sandboxes.ts';

type Profile = Sent<typeof profileOf>;
type SandboxSecurity = NonNullable<NonNullable<Sent<typeof sandboxConfig>['linux']>['securityContext']>;

/** Who an image's containers run as unless somebody says otherwise. */
export interface ImageUser {
  readonly uid: number | undefined;
  readonly username: string;
}

/** What upstream hides of /proc and /sys, and what it makes read-only (pkg/securitycontext/util.go). */
const maskedPaths: readonly string[] = [
  ...['/proc/asound', '/proc/acpi', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats'],
  ...['/proc/timer_list', '/proc/timer_stats', '/proc/sched_debug', '/proc/scsi', '/sys/firmware'],
  '/sys/devices/virtual/powercap',
];
const readonlyPaths: readonly string[] = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** The privileges of a container. @throws RuntimeError CreateContainerConfigError if it must not run as who it would */
export function containerSecurityOf(
  pod: Pod,
  container: Container,
  { image, targetId }: { readonly image: ImageUser; readonly targetId: string | undefined },
): Sent<typeof containerSecurity> {
  const [own, shared] = [container.securityContext ?? {}, pod.spec.securityContext ?? {}];
  const privileged = own.privileged === true;
  const runAsUser = own.runAsUser ?? shared.runAsUser;
  const runAsGroup = own.runAsGroup ?? shared.runAsGroup;
  checkNonRoot(own.runAsNonRoot ?? shared.runAsNonRoot, runAsUser, image);
  const hidden = !privileged && own.procMount !== 'Unmasked';
  const { add = [], drop = [] } = own.capabilities ?? {};
  const seLinuxOptions = own.seLinuxOptions ?? shared.seLinuxOptions;
  return {
    capabilities: { add: add.map(capabilityName), drop: drop.map(capabilityName) },
    privileged,
    namespaceOptions: { ...namespacesOf(pod), ...(targetId === undefined ? {} : { pid: 'TARGET', targetId }) },
    // Also what the image says: a runtime that is told nobody gives the groups of root.
    ...(runAsUser === undefined ? userOf(image) : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    readonlyRootfs: own.readOnlyRootFilesystem === true,
    supplementalGroups: groupsOf(pod),
    supplementalGroupsPolicy: shared.supplementalGroupsPolicy === 'Strict' ? 'Strict' : 'Merge',
    noNewPrivs: own.allowPrivilegeEscalation === false,
    maskedPaths: hidden ? maskedPaths : [],
    readonlyPaths: hidden ? readonlyPaths : [],
    // Upstream's default, unless a kubelet was told otherwise.
    seccomp: profile(own.seccompProfile ?? shared.seccompProfile) ?? { type: 'Unconfined' },
    apparmor: profile(own.appArmorProfile ?? shared.appArmorProfile),
    ...(seLinuxOptions === undefined ? {} : { seLinuxOptions }),
  };
}

/** Those of the process that holds a Pod's namespaces, and what its containers cannot exceed. */
export function sandboxSecurityOf(pod: Pod): SandboxSecurity {
  const shared = pod.spec.securityContext ?? {};
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  return {
    namespaceOptions: namespacesOf(pod),
    ...(shared.runAsUser === undefined ? {} : { runAsUser: shared.runAsUser }),
    ...(shared.runAsGroup === undefined || shared.runAsUser === undefined ? {} : { runAsGroup: shared.runAsGroup }),
    supplementalGroups: groupsOf(pod),
    privileged: all.some(({ securityContext }) => securityContext?.privileged === true),
    seccomp: { type: 'RuntimeDefault' },
    ...(shared.seLinuxOptions === undefined ? {} : { seLinuxOptions: shared.seLinuxOptions }),
  };
}

function namespacesOf({ spec }: Pod): Sent<typeof namespaceOptions> {
  const ownOr = (host: boolean | undefined): 'NODE' | 'POD' => (host === true ? 'NODE' : 'POD');
  const pid = spec.hostPID === true ? 'NODE' : spec.shareProcessNamespace === true ? 'POD' : 'CONTAINER';
  return { network: ownOr(spec.hostNetwork), ipc: ownOr(spec.hostIPC), pid };
}

function groupsOf({ spec: { securityContext } }: Pod): readonly number[] {
  const { supplementalGroups = [], fsGroup } = securityContext ?? {};
  return fsGroup === undefined ? supplementalGroups : [...supplementalGroups, fsGroup];
}

function userOf({ uid, username }: ImageUser): Sent<typeof containerSecurity> {
  return username === '' ? { runAsUser: uid ?? 0 } : { runAsUsername: username };
}

/** `CAP_NET_ADMIN` and `NET_ADMIN` are the same. */
function capabilityName(text: string): string {
  return text.toUpperCase().replace(/^CAP_/, '');
}

function profile(given: SecurityContext['seccompProfile'] | SecurityContext['appArmorProfile']): Profile | undefined {
  if (given === undefined) return undefined;
  const type = given.type === 'RuntimeDefault' || given.type === 'Localhost' ? given.type : 'Unconfined';
  return type === 'Localhost' ? { type, localhostRef: given.localhostProfile ?? '' } : { type };
}

/** Upstream's rule and texts: pkg/kubelet/kuberuntime/security_context.go. */
function checkNonRoot(wanted: boolean | undefined, runAsUser: number | undefined, image: ImageUser): void {
  if (wanted !== true) return;
  if (runAsUser === 0) throw configError("container's runAsUser breaks non-root policy");
  if (runAsUser !== undefined) return;
  if (image.username !== '')
    throw configError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root`,
    );
  if ((image.uid ?? 0) === 0) throw configError('container has runAsNonRoot and image will run as root');
}

function configError(message: string): RuntimeError {
  return new RuntimeError('CreateContainerConfigError', message);
}
