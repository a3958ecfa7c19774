import type { Container, Pod, PodSecurityContext, SecurityContext } from '../../api/index.ts';
import type { Admission, Announcement } from '../runtime.ts';
import { isHostImage, isSafeName, commonAnnouncements } from '../wrapped/index.ts';
import { capabilityName, capabilityNames } from './capabilities.ts';
import { limitsOf, type Limits } from './cgroups.ts';

/** What this machine lets the sandbox do, found out at start. */
export interface SandboxAbilities {
  readonly executor: 'shim' | 'util-linux';
  /** The limits that cannot be set. */
  readonly missingLimits: (limits: Limits) => readonly string[];
  readonly rootfs: 'host' | 'image';
}

interface Problem {
  readonly reason: string;
  readonly message: string;
}

/** Decides from the Pod alone; fields that protect somebody and would not be enforced are refused by name. */
export function admitToSandbox(pod: Pod, abilities: SandboxAbilities): Admission {
  const containers = allContainers(pod);
  const problem =
    podProblem(pod, abilities) ??
    containers.map((container) => containerProblem(container, pod, abilities)).find((found) => found !== undefined);
  if (problem !== undefined) return { type: 'refuse', ...problem };
  return { type: 'accept', announce: announcements(pod, containers, abilities) };
}

export function allContainers(pod: Pod): readonly Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
}

function configError(message: string): Problem {
  return { reason: 'CreateContainerConfigError', message };
}

function notEnforced(field: string, why?: string): Problem {
  const reason = why === undefined ? '' : ` (${why})`;
  return configError(`${field}: the sandbox runtime cannot enforce this${reason}; remove it or use another runtime`);
}

function podProblem(pod: Pod, abilities: SandboxAbilities): Problem | undefined {
  if (!isSafeName(pod.metadata.uid)) return configError('metadata.uid: is not a name that files can have');
  if (pod.spec.hostUsers === false) return notEnforced('spec.hostUsers: false');
  const context = pod.spec.securityContext;
  if ((context?.sysctls?.length ?? 0) > 0) return notEnforced('spec.securityContext.sysctls');
  return context && confinementProblem(context, 'spec.securityContext', abilities);
}

function containerProblem(container: Container, pod: Pod, abilities: SandboxAbilities): Problem | undefined {
  const path = `spec.containers{${container.name}}`;
  if (!isSafeName(container.name)) return configError(`${path}.name: is not a name that files can have`);
  const onHost = runsOnHost(container, abilities);
  if (onHost && (container.command?.length ?? 0) === 0 && (container.args?.length ?? 0) === 0)
    return {
      reason: 'CreateContainerError',
      message:
        `container ${JSON.stringify(container.name)}: no command specified: it runs on the host's own files, which ` +
        `have no default command; name it in \`command\``,
    };
  const context = container.securityContext;
  return (
    (context && securityProblem(context, `${path}.securityContext`, abilities)) ??
    (onHost ? undefined : imageProblem(container, pod, path, abilities)) ??
    mountProblem(container, path, abilities)
  );
}

export function runsOnHost(container: Container, { rootfs }: Pick<SandboxAbilities, 'rootfs'>): boolean {
  return rootfs === 'host' || isHostImage(container.image ?? '');
}

function securityProblem(context: SecurityContext, path: string, abilities: SandboxAbilities): Problem | undefined {
  if (context.procMount !== undefined && context.procMount !== 'Default' && context.privileged !== true)
    return notEnforced(`${path}.procMount`);
  const { add = [], drop = [] } = context.capabilities ?? {};
  const unknown = [...add, ...drop].find((name) => ![...capabilityNames, 'all'].includes(capabilityName(name)));
  if (unknown !== undefined) return configError(`${path}.capabilities: ${JSON.stringify(unknown)} is no capability`);
  if (add.some((name) => capabilityName(name) === 'mknod') && context.privileged !== true)
    return notEnforced(`${path}.capabilities.add`, 'MKNOD would open all devices of the host');
  return confinementProblem(context, path, abilities);
}

function confinementProblem(
  context: PodSecurityContext | SecurityContext,
  path: string,
  { executor }: SandboxAbilities,
): Problem | undefined {
  const { seccompProfile, appArmorProfile } = context;
  if (seccompProfile?.type === 'Localhost') return notEnforced(`${path}.seccompProfile`, 'profiles from files');
  if (seccompProfile?.type === 'RuntimeDefault' && executor !== 'shim')
    return notEnforced(`${path}.seccompProfile`, 'the shim is missing: no C compiler when Rondo was built');
  if (appArmorProfile !== undefined && appArmorProfile.type !== 'Unconfined')
    return notEnforced(`${path}.appArmorProfile`);
  if (context.seLinuxOptions !== undefined) return notEnforced(`${path}.seLinuxOptions`);
  if (context.windowsOptions !== undefined) return notEnforced(`${path}.windowsOptions`);
  return undefined;
}

/** util-linux must give up privileges before it enters an image's root. */
function imageProblem(
  container: Container,
  pod: Pod,
  path: string,
  { executor }: SandboxAbilities,
): Problem | undefined {
  if (executor === 'shim') return undefined;
  const missing = 'the shim is missing: no C compiler when Rondo was built';
  const dropped = container.securityContext?.capabilities?.drop?.map(capabilityName) ?? [];
  if (dropped.includes('all') || dropped.includes('sys_chroot'))
    return notEnforced(`${path}.securityContext.capabilities.drop`, missing);
  const shared = pod.spec.securityContext;
  if ((shared?.supplementalGroups?.length ?? 0) > 0)
    return notEnforced('spec.securityContext.supplementalGroups', missing);
  return shared?.fsGroup === undefined ? undefined : notEnforced('spec.securityContext.fsGroup', missing);
}

function mountProblem(container: Container, path: string, { executor }: SandboxAbilities): Problem | undefined {
  if ((container.volumeDevices?.length ?? 0) > 0) return notEnforced(`${path}.volumeDevices`);
  for (const mount of container.volumeMounts ?? []) {
    const field = `${path}.volumeMounts{${mount.mountPath}}`;
    if (mount.mountPropagation === 'Bidirectional') return notEnforced(`${field}.mountPropagation`);
    if (mount.recursiveReadOnly === 'Enabled' && executor !== 'shim') return notEnforced(`${field}.recursiveReadOnly`);
    if (/^\/+proc(\/|$)/.test(mount.mountPath)) return configError(`${field}: this directory belongs to the kernel`);
  }
  return undefined;
}

function announcements(pod: Pod, containers: readonly Container[], abilities: SandboxAbilities): Announcement[] {
  const result: Announcement[] = [];
  const images = containers.map(({ image }) => image ?? '').filter((image) => !isHostImage(image));
  if (abilities.rootfs === 'host' && images.length > 0)
    result.push({
      reason: 'ImageNotPulled',
      message: `--rootfs host: instead of ${[...new Set(images)].join(', ')} the command runs on a copy of the host's own files`,
    });
  const missing = new Set(containers.flatMap((container) => abilities.missingLimits(limitsOf(container, undefined))));
  const names = new Set(containers.flatMap(({ resources }) => Object.keys(resources?.limits ?? {})));
  const unlimited = [...names].filter((name) => !['cpu', 'memory', 'ephemeral-storage'].includes(name));
  if (missing.has('memoryBytes')) unlimited.push('memory');
  if (missing.has('cpuMillis')) unlimited.push('cpu');
  if (unlimited.length > 0)
    result.push({
      reason: 'LimitsNotEnforced',
      message: `The sandbox runtime does not enforce limits on this machine (${unlimited.join(', ')})`,
    });
  return [...result, ...commonAnnouncements(pod, ['Memory'])];
}
