import { realpathSync } from 'node:fs';
import type { Pod } from '../../api/index.ts';
import type { ImageConfig } from '../image-service.ts';
import { RuntimeError, type ContainerRequest } from '../runtime.ts';
import {
  containerFiles,
  defaultPath,
  inputOf,
  podFiles,
  splitEnvironment,
  submounts,
  tokenOf,
  volumeSource,
  type Environment,
  type Layout,
  type PodFiles,
  type RunningContainers,
} from '../wrapped/index.ts';
import { boundingSet } from './capabilities.ts';
import type { ContainerMount, ContainerSpec, Privileges } from './container-spec.ts';
import { namespacesOf } from './guests.ts';
import { identityOf, type Identity } from './identity.ts';
import { sharedMemoryOf } from './memory-files.ts';
import { needsPause } from './pause.ts';
import { rootContents } from './root-files.ts';

/** What a container's root is made of: the host's files, or an image's. */
export interface RootSource {
  readonly layers: readonly string[];
  readonly config: ImageConfig;
  readonly isHost: boolean;
}

export interface PlanContext {
  readonly request: ContainerRequest;
  readonly layout: Layout;
  readonly root: RootSource;
  readonly base: string;
  readonly startedAtMs: number;
  readonly running: RunningContainers;
  /** The file of the Pod's own network namespace; undefined: the host's. */
  readonly network: string | undefined;
  /** Who knows the names of the cluster; undefined: the Pod asks whom the host asks. */
  readonly nameServer: string | undefined;
}

/**
 * Everything that an executor needs to know about one container.
 * @throws RuntimeError for a container that must not be started as it is
 */
export function planContainer(context: PlanContext): Omit<ContainerSpec, 'cgroups'> {
  const { request, layout, root, startedAtMs } = context;
  const { id, pod, container } = request;
  const command = commandOf(request, root.config);
  if (command.some((word) => word.includes('\0')))
    throw new RuntimeError('CreateContainerConfigError', 'command or args hold a NUL byte, which no process can get');
  const files = podFiles(layout, id.podUid);
  const identity = identityOf(pod, container, { layers: root.layers, mounts: [] }, root.config.user);
  const mounts = mountsOf(context);
  const privileged = container.securityContext?.privileged === true;
  return {
    files: containerFiles(layout, id),
    exitPrefix: `${layout.exits}/${tokenOf(id)}_${startedAtMs}_`,
    podDirectory: files.directory,
    startedAtMs,
    ...environmentOf(context, identity),
    base: context.base,
    layers: root.layers,
    readOnlyRoot: container.securityContext?.readOnlyRootFilesystem === true,
    mounts,
    contents: rootContents(pod, mounts, context.nameServer),
    protect: !privileged && container.securityContext?.procMount !== 'Unmasked',
    ...namespacesOf(request, { directory: files.sandbox, network: context.network }, context.running),
    scratch: `${files.sandbox}/${id.container}_${id.attempt}`,
    privileges: privilegesOf(request, identity),
    input: inputOf(layout, id, container),
    workingDir: nonEmpty(container.workingDir) ?? nonEmpty(root.config.workingDir) ?? '/',
    command,
  };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/** `command` replaces the image's entrypoint and its arguments; `args` only these. */
function commandOf({ command, args, container }: ContainerRequest, image: ImageConfig): readonly string[] {
  const words =
    command.length > 0 ? [...command, ...args] : [...image.entrypoint, ...(args.length > 0 ? args : image.cmd)];
  if (words.length > 0 && words[0] !== '') return words;
  throw new RuntimeError(
    'CreateContainerError',
    `container ${JSON.stringify(container.name)}: no command specified, neither by the Pod nor by its image`,
  );
}

function environmentOf({ request, root, layout }: PlanContext, identity: Identity): Environment {
  const { pod, container, id } = request;
  const base: Record<string, string> = { PATH: defaultPath, HOME: identity.home, HOSTNAME: hostname(pod) };
  for (const entry of root.config.env) {
    const at = entry.indexOf('=');
    if (at > 0) base[entry.slice(0, at)] = entry.slice(at + 1);
  }
  // Marks the processes of the container, for those that no pid namespace ends.
  base['RONDO_CONTAINER'] = tokenOf(id);
  base['RONDO_TERMINATION_LOG'] = messagePath(request) ?? containerFiles(layout, id).message;
  for (const { name, mountPath } of container.volumeMounts ?? [])
    base[`RONDO_VOLUME_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`] = mountPath;
  return splitEnvironment(base, request.env);
}

function hostname(pod: Pod): string {
  return pod.spec.hostname ?? pod.metadata.name;
}

function messagePath({ container }: ContainerRequest): string | undefined {
  const path = nonEmpty(container.terminationMessagePath) ?? '/dev/termination-log';
  return path.startsWith('/') && !path.split('/').includes('..') && !/^\/(proc|sys)\//.test(path) ? path : undefined;
}

function mountsOf({ request, layout, root }: PlanContext): ContainerMount[] {
  const { id, pod, container } = request;
  const privileged = container.securityContext?.privileged === true;
  const files = podFiles(layout, id.podUid);
  const volumes = (container.volumeMounts ?? [])
    .map((mount) => volumeSource(mount, files.volumes, pod))
    .sort((a, b) => depth(a.path) - depth(b.path))
    .map((mount): ContainerMount => ({ type: 'bind', ...mount, target: mount.path, recursive: true }));
  const own: ContainerMount[] = [
    { type: 'proc', target: '/proc' },
    { type: 'sys', target: '/sys', readOnly: !privileged },
    ...(privileged ? [bindDirectory('/dev')] : [{ type: 'dev' as const, target: '/dev' }]),
    ...(privileged || volumes.some(({ target }) => target === '/dev/shm') ? [] : [sharedMemory(pod, files)]),
  ];
  // Other file systems of the host are not in the overlay of its root; what we keep ourselves is nobody's business.
  const host = root.isHost ? [...hostMounts(), ...hiddenDirectories(layout)] : [];
  const path = messagePath(request);
  const message: ContainerMount[] =
    path === undefined
      ? []
      : [{ ...bindDirectory(containerFiles(layout, id).message), target: path, kind: 'file', recursive: false }];
  return [...host, ...own, ...volumes, ...message];
}

function depth(path: string): number {
  return path.split('/').length;
}

/** Belongs to the processes that can talk to each other otherwise: the host's, the Pod's, or the only container's. */
function sharedMemory(pod: Pod, files: PodFiles): ContainerMount {
  const target = '/dev/shm';
  if (pod.spec.hostIPC === true) return bindDirectory(target);
  if (needsPause(pod)) return { ...bindDirectory(target), source: sharedMemoryOf(files), recursive: false };
  return { type: 'tmpfs', target, options: 'mode=1777,size=65536k' };
}

function bindDirectory(path: string): ContainerMount & { type: 'bind' } {
  return { type: 'bind', source: path, target: path, kind: 'directory', readOnly: false, recursive: true };
}

let knownHostMounts: readonly ContainerMount[] | undefined;

/** What is mounted on the host below its root, but for what every container has its own of; read once. */
function hostMounts(): readonly ContainerMount[] {
  knownHostMounts ??= submounts('')
    .filter((path) => path !== '/' && !/^\/(proc|sys|dev)(\/|$)/.test(path))
    .map(bindDirectory);
  return knownHostMounts;
}

function hiddenDirectories(layout: Layout): ContainerMount[] {
  return [{ type: 'tmpfs', target: realpathSync(layout.root), options: 'mode=0700,size=4k' }];
}

function privilegesOf({ pod, container }: ContainerRequest, identity: Identity): Privileges {
  const context = container.securityContext;
  const privileged = context?.privileged === true;
  const profile = context?.seccompProfile ?? pod.spec.securityContext?.seccompProfile;
  const { add = [], drop = [] } = context?.capabilities ?? {};
  return {
    uid: identity.uid,
    gid: identity.gid,
    groups: identity.groups,
    capabilities: privileged ? undefined : boundingSet(add, drop),
    noNewPrivileges: context?.allowPrivilegeEscalation === false,
    seccomp: !privileged && profile?.type === 'RuntimeDefault',
  };
}
