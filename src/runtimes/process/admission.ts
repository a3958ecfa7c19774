import type { Container, Pod, PodSecurityContext, SecurityContext } from '../../api/index.ts';
import type { Admission, Announcement } from '../runtime.ts';
import { isHostImage, isSafeName, commonAnnouncements } from '../wrapped/index.ts';
import { identityAnnouncements } from './identity.ts';
import { messageAnnouncements, mountsMessage } from './message-path.ts';
import { needsOverlay } from './sandbox.ts';

/** What this machine lets the process runtime do, found out at start. */
export interface Abilities {
  readonly uid: number;
  readonly gid: number;
  /** Mounts for containers in a mount namespace of their own: at all, and below directories of the host. */
  readonly mounts: 'none' | 'existing' | 'anywhere';
  /** setpriv(1) can forbid new privileges; as root it can take capabilities away as well. */
  readonly setpriv: boolean;
}

/** Decides from the Pod alone; fields that protect somebody and would not be enforced are refused by name. */
export function admitPod(pod: Pod, abilities: Abilities): Admission {
  const problem = podProblem(pod, abilities) ?? firstOf(allContainers(pod), (c) => containerProblem(c, pod, abilities));
  if (problem !== undefined) return { type: 'refuse', ...problem };
  return { type: 'accept', announce: announcementsFor(pod, abilities) };
}

function announcementsFor(pod: Pod, abilities: Abilities): Announcement[] {
  return [
    ...announcements(pod),
    ...overlayAnnouncements(allContainers(pod), abilities),
    ...identityAnnouncements(pod, abilities),
    ...messageAnnouncements(allContainers(pod), abilities),
  ];
}

interface Problem {
  readonly reason: string;
  readonly message: string;
}

function allContainers(pod: Pod): readonly Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
}

function firstOf<T>(items: readonly T[], problemOf: (item: T) => Problem | undefined): Problem | undefined {
  for (const item of items) {
    const problem = problemOf(item);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function configError(message: string): Problem {
  return { reason: 'CreateContainerConfigError', message };
}

function podProblem(pod: Pod, abilities: Abilities): Problem | undefined {
  if (!isSafeName(pod.metadata.uid)) return configError('metadata.uid: is not a name that files can have');
  if (pod.spec.hostUsers === false) return notEnforced('spec.hostUsers: false');
  const context = pod.spec.securityContext;
  if (context === undefined) return undefined;
  const path = 'spec.securityContext';
  const { uid, gid } = abilities;
  if ((context.sysctls?.length ?? 0) > 0) return notEnforced(`${path}.sysctls`);
  if (context.fsGroup !== undefined && context.fsGroup !== gid)
    return otherUser(`${path}.fsGroup`, context.fsGroup, gid);
  const strange = context.supplementalGroups?.find((group) => group !== gid);
  if (strange !== undefined) return otherUser(`${path}.supplementalGroups`, strange, gid);
  return identityProblem(context, path, uid, gid) ?? confinementProblem(context, path);
}

function containerProblem(container: Container, pod: Pod, abilities: Abilities): Problem | undefined {
  const path = `spec.containers{${container.name}}`;
  if (!isSafeName(container.name)) return configError(`${path}.name: is not a name that files can have`);
  if ((container.command?.length ?? 0) === 0 && (container.args?.length ?? 0) === 0) return noCommand(container);
  const context = container.securityContext;
  return (
    (context && securityProblem(context, `${path}.securityContext`, pod, abilities)) ??
    mountProblem(container, path, abilities)
  );
}

/** Reason and text for a container that relies on its image's default command. */
export function noCommand(container: Pick<Container, 'name' | 'image'>): Problem {
  return {
    reason: 'CreateContainerError',
    message:
      `container ${JSON.stringify(container.name)}: no command specified: the process runtime does not pull images, ` +
      `so it does not know the default command of ${JSON.stringify(container.image ?? '')}; name it in \`command\``,
  };
}

function securityProblem(context: SecurityContext, path: string, pod: Pod, abilities: Abilities): Problem | undefined {
  const { uid, gid, setpriv } = abilities;
  if (context.readOnlyRootFilesystem === true) return notEnforced(`${path}.readOnlyRootFilesystem`);
  if (context.procMount !== undefined && context.procMount !== 'Default') return notEnforced(`${path}.procMount`);
  if (context.allowPrivilegeEscalation === false && !setpriv) return notEnforced(`${path}.allowPrivilegeEscalation`);
  if ((context.capabilities?.drop?.length ?? 0) > 0 && !setpriv) return notEnforced(`${path}.capabilities.drop`);
  if (context.privileged === true && uid !== 0) return configError(`${path}.privileged: Rondo does not run as root`);
  const added = context.capabilities?.add ?? [];
  if (added.length > 0 && uid !== 0) return configError(`${path}.capabilities.add: Rondo does not run as root`);
  const merged = { ...definedOf(pod.spec.securityContext ?? {}), ...definedOf(context) };
  return identityProblem(merged, path, uid, gid) ?? confinementProblem(context, path);
}

function definedOf<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}

function identityProblem(
  context: Pick<SecurityContext, 'runAsUser' | 'runAsGroup' | 'runAsNonRoot'>,
  path: string,
  uid: number,
  gid: number,
): Problem | undefined {
  const { runAsUser, runAsGroup, runAsNonRoot } = context;
  if (runAsUser !== undefined && runAsUser !== uid) return otherUser(`${path}.runAsUser`, runAsUser, uid);
  if (runAsGroup !== undefined && runAsGroup !== gid) return otherUser(`${path}.runAsGroup`, runAsGroup, gid);
  // Upstream's text: pkg/kubelet/kuberuntime/security_context.go.
  if (runAsNonRoot === true && uid === 0)
    return configError('container has runAsNonRoot and image will run as root (the process runtime runs as root)');
  return undefined;
}

function confinementProblem(context: PodSecurityContext | SecurityContext, path: string): Problem | undefined {
  const { seccompProfile, appArmorProfile } = context;
  if (seccompProfile !== undefined && seccompProfile.type !== 'Unconfined')
    return notEnforced(`${path}.seccompProfile`);
  if (appArmorProfile !== undefined && appArmorProfile.type !== 'Unconfined')
    return notEnforced(`${path}.appArmorProfile`);
  if (context.seLinuxOptions !== undefined) return notEnforced(`${path}.seLinuxOptions`);
  if (context.windowsOptions !== undefined) return notEnforced(`${path}.windowsOptions`);
  return undefined;
}

function notEnforced(field: string): Problem {
  return configError(`${field}: the process runtime cannot enforce this; remove it or use another runtime`);
}

function otherUser(field: string, wanted: number, own: number): Problem {
  return configError(`${field}: the process runtime runs everything as ${own}, not as ${wanted}`);
}

function mountProblem(container: Container, path: string, abilities: Abilities): Problem | undefined {
  if ((container.volumeDevices?.length ?? 0) > 0) return notEnforced(`${path}.volumeDevices`);
  for (const mount of container.volumeMounts ?? []) {
    const field = `${path}.volumeMounts{${mount.mountPath}}`;
    if (mount.mountPropagation === 'Bidirectional') return notEnforced(`${field}.mountPropagation`);
    if (mount.recursiveReadOnly === 'Enabled') return notEnforced(`${field}.recursiveReadOnly`);
    if (abilities.mounts === 'none')
      return configError(
        `${field}: this machine allows no mounts (neither root nor user namespaces); drop the volumeMount and find ` +
          `the volume through the environment variable RONDO_VOLUME_${mount.name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`,
      );
  }
  return undefined;
}

function announcements(pod: Pod): Announcement[] {
  const containers = allContainers(pod);
  const images = [...new Set(containers.map(({ image }) => image ?? ''))].filter((image) => !isHostImage(image));
  const result: Announcement[] = [];
  if (images.length > 0)
    result.push({
      reason: 'ImageNotPulled',
      message: `The process runtime pulls no images: instead of ${images.join(', ')} the command runs on the host's own files`,
    });
  const limits = new Set(containers.flatMap(({ resources }) => Object.keys(resources?.limits ?? {})));
  limits.delete('ephemeral-storage');
  if (limits.size > 0)
    result.push({
      reason: 'LimitsNotEnforced',
      message: `The process runtime does not enforce limits (${[...limits].join(', ')})`,
    });
  if (pod.spec.hostNetwork !== true && containers.some(({ ports }) => (ports?.length ?? 0) > 0))
    result.push({
      reason: 'PortsNotIsolated',
      message: 'The process runtime has no network of its own for Pods: ports are those of the host',
    });
  return [...result, ...commonAnnouncements(pod, [])];
}

/** Where a mount path is missing on the host, its nearest directory is overlaid: that must not come as a surprise. */
function overlayAnnouncements(containers: readonly Container[], abilities: Abilities): Announcement[] {
  const mounted = containers.flatMap(({ volumeMounts }) => volumeMounts ?? []).map(({ mountPath }) => mountPath);
  const messages = containers.filter((container) => mountsMessage(container, abilities));
  const paths = [...mounted, ...messages.map(({ terminationMessagePath }) => terminationMessagePath ?? '')];
  const overlaid = [...new Set(paths.filter(needsOverlay))];
  if (overlaid.length === 0) return [];
  const message =
    `${overlaid.join(', ')} does not exist on the host: what a container writes to the nearest directory above it ` +
    'stays in the Pod and is removed with it';
  return [{ reason: 'DirectoryOverlaid', message }];
}
