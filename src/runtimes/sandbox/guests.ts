import type { Pod } from '../../api/index.ts';
import { RuntimeError, type ContainerRequest } from '../runtime.ts';
import type { RunningContainers } from '../wrapped/index.ts';
import type { ContainerSpec } from './container-spec.ts';
import { joinedTypes, namespacesFor, needsPause, type PodPlace } from './pause.ts';

type Namespaces = Pick<ContainerSpec, 'join' | 'newNamespaces' | 'hostname'>;

/**
 * The namespaces of a container. An ephemeral one has those of its Pod, which without a pause are held by a container
 * that runs, and with a target the processes of that.
 * @throws RuntimeError if its target does not run
 */
export function namespacesOf(request: ContainerRequest, place: PodPlace, running: RunningContainers): Namespaces {
  const { pod, id, target } = request;
  const isGuest = pod.spec.ephemeralContainers?.some(({ name }) => name === id.container) === true;
  const alone = namespacesFor(pod, place);
  if (!isGuest) return alone;
  const own = needsPause(pod) ? alone : besides(alone, { pod, podUid: id.podUid, running });
  return target === undefined ? own : withProcessesOf(own, running.processOf(target), target.container);
}

interface Neighbours {
  readonly pod: Pod;
  readonly podUid: string;
  readonly running: RunningContainers;
}

function besides(own: Namespaces, { pod, podUid, running }: Neighbours): Namespaces {
  const host = running
    .ofPod(podUid)
    .map((id) => running.processOf(id))
    .find((pid) => pid !== undefined);
  if (host === undefined) return own;
  const join = joinedTypes(pod).map((type) => ({ type, path: `/proc/${host}/ns/${type}` }));
  return {
    join: [...own.join, ...join],
    newNamespaces: own.newNamespaces.replaceAll(/[^pm]/g, ''),
    hostname: undefined,
  };
}

function withProcessesOf(own: Namespaces, pid: number | undefined, container: string): Namespaces {
  if (pid === undefined)
    throw new RuntimeError(
      'CreateContainerError',
      `failed to target container: container "${container}" is not running`,
    );
  const join = [
    ...own.join.filter(({ type }) => type !== 'pid'),
    { type: 'pid', path: `/proc/${pid}/ns/pid` } as const,
  ];
  return { ...own, join, newNamespaces: own.newNamespaces.replace('p', '') };
}
