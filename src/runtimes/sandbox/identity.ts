import type { Container, Pod } from '../../api/index.ts';
import { RuntimeError } from '../runtime.ts';
import { readInside, type LayeredRoot } from '../layered-files.ts';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary ones. */
  readonly groups: readonly number[];
  readonly home: string;
}

/**
 * Who a container runs as: its securityContext, the Pod's, the image's user, root; in this order.
 * @throws RuntimeError CreateContainerConfigError, with upstream's text: pkg/kubelet/kuberuntime/security_context.go
 */
export function identityOf(pod: Pod, container: Container, root: LayeredRoot, imageUser: string): Identity {
  const [own, shared] = [container.securityContext, pod.spec.securityContext];
  const runAsUser = own?.runAsUser ?? shared?.runAsUser;
  const runAsNonRoot = own?.runAsNonRoot ?? shared?.runAsNonRoot;
  const [imageName = '', imageGroup = ''] = imageUser.split(':');
  const numeric = /^\d*$/.test(imageName);
  if (runAsNonRoot === true && runAsUser === undefined && !numeric)
    throw configError(
      `container has runAsNonRoot and image has non-numeric user (${imageName}), cannot verify user is non-root`,
    );
  const entry = passwdEntry(root, runAsUser === undefined ? imageName : String(runAsUser));
  const uid = runAsUser ?? (numeric ? Number(imageName) : entry?.uid);
  if (uid === undefined) throw configError(`the image has no user ${JSON.stringify(imageName)}`);
  if (runAsNonRoot === true && uid === 0)
    throw configError(
      runAsUser === 0
        ? "container's runAsUser breaks non-root policy"
        : 'container has runAsNonRoot and image will run as root',
    );
  const gid = own?.runAsGroup ?? shared?.runAsGroup ?? groupId(root, imageGroup) ?? entry?.gid ?? 0;
  const groups = new Set(shared?.supplementalGroups);
  if (shared?.fsGroup !== undefined) groups.add(shared.fsGroup);
  if (shared?.supplementalGroupsPolicy !== 'Strict' && entry !== undefined)
    for (const group of groupsOf(root, entry.name)) groups.add(group);
  return { uid, gid, groups: [...groups], home: entry?.home ?? '/' };
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** By name or number; without either the one of root. */
function passwdEntry(root: LayeredRoot, user: string): PasswdEntry | undefined {
  for (const line of readInside(root, '/etc/passwd')?.split('\n') ?? []) {
    const [name = '', , uid = '', gid = '', , home = ''] = line.split(':');
    if (uid === '' || (user === '' ? uid !== '0' : name !== user && uid !== user)) continue;
    return { name, uid: Number(uid), gid: Number(gid), home: home === '' ? '/' : home };
  }
  return undefined;
}

function groupId(root: LayeredRoot, group: string): number | undefined {
  if (group === '') return undefined;
  if (/^\d+$/.test(group)) return Number(group);
  for (const line of readInside(root, '/etc/group')?.split('\n') ?? []) {
    const [name, , gid] = line.split(':');
    if (name === group && gid !== undefined) return Number(gid);
  }
  throw configError(`the image has no group ${JSON.stringify(group)}`);
}

function groupsOf(root: LayeredRoot, user: string): number[] {
  return (readInside(root, '/etc/group')?.split('\n') ?? [])
    .map((line) => line.split(':'))
    .filter(([, , gid, members]) => gid !== undefined && members?.split(',').includes(user) === true)
    .map(([, , gid]) => Number(gid));
}

function configError(message: string): RuntimeError {
  return new RuntimeError('CreateContainerConfigError', message);
}
