import { lstatSync, mkdirSync, readFileSync, readlinkSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Container, Pod, VolumeMount } from '../../api/index.ts';
import { RuntimeError, type ContainerId } from '../runtime.ts';
import { containerFiles, podFiles, type Layout } from './layout.ts';

/** Directories of the kernel: nothing can be made in them, and an overlay would break them. */
export const kernelDirectories = /^\/(proc|sys|dev)(\/|$)/;

export interface PlannedMount {
  /** Where it goes, links of the host resolved. */
  readonly path: string;
  readonly source: string;
  readonly kind: 'directory' | 'file';
  readonly readOnly: boolean;
}

export interface MountRequest {
  readonly layout: Layout;
  readonly id: ContainerId;
  readonly pod: Pod;
  readonly container: Container;
}

/**
 * The volumes of a container and its termination message, outer paths first.
 * @throws RuntimeError CreateContainerConfigError
 */
export function plannedMounts({ layout, id, pod, container }: MountRequest): PlannedMount[] {
  const files = podFiles(layout, id.podUid);
  const planned = (container.volumeMounts ?? []).map((mount) => plannedMount(mount, files.volumes, pod));
  const messagePath = container.terminationMessagePath;
  if (messagePath?.startsWith('/') === true && !kernelDirectories.test(messagePath)) {
    const source = containerFiles(layout, id).message;
    writeFileSync(source, '', { flag: 'a', mode: 0o666 });
    planned.push({ path: resolveTarget(messagePath), source, kind: 'file', readOnly: false });
  }
  // Outer paths first, so that they do not cover inner ones.
  return planned.sort((a, b) => a.path.split('/').length - b.path.split('/').length);
}

function plannedMount(mount: VolumeMount, volumes: string, pod: Pod): PlannedMount {
  const asked = volumeSource(mount, volumes, pod);
  const path = resolveTarget(asked.path);
  const target = statSync(path, { throwIfNoEntry: false });
  if (target === undefined && kernelDirectories.test(path))
    throw mountError(mount, 'this directory belongs to the kernel');
  if (target !== undefined && target.isDirectory() !== (asked.kind === 'directory'))
    throw mountError(mount, `a ${asked.kind} cannot be mounted there: the host has something else at this path`);
  return { ...asked, path };
}

/**
 * What of a volume is mounted, and where as the container sees it.
 * @throws RuntimeError CreateContainerConfigError
 */
export function volumeSource(mount: VolumeMount, volumes: string, pod: Pod): PlannedMount {
  const path = mount.mountPath.replaceAll(/\/+/g, '/').replace(/(.)\/$/, '$1');
  if (!path.startsWith('/') || path === '/' || path.split('/').includes('..'))
    throw mountError(mount, 'the path must be absolute, and not the root');
  const volume = join(volumes, mount.name);
  if (lstatSync(volume, { throwIfNoEntry: false }) === undefined)
    throw mountError(mount, 'the Pod has no such volume here');
  if (statSync(volume, { throwIfNoEntry: false }) === undefined)
    throw mountError(mount, `${readlinkSync(volume)} does not exist on the host`);
  const source = subPathOf(volume, mount.subPath ?? '', (text) => mountError(mount, text));
  const kind = statSync(source).isDirectory() ? 'directory' : 'file';
  const declared = pod.spec.volumes?.find(({ name }) => name === mount.name);
  // Content that the kubelet keeps up to date is read-only in Kubernetes.
  const content = declared?.configMap ?? declared?.secret ?? declared?.downwardAPI ?? declared?.projected;
  return { path, source, kind, readOnly: mount.readOnly === true || content !== undefined };
}

function mountError(mount: VolumeMount, text: string): RuntimeError {
  return new RuntimeError('CreateContainerConfigError', `volumeMount ${mount.name} at ${mount.mountPath}: ${text}`);
}

/** The place inside the volume; a missing one becomes a directory, as in Kubernetes. No link may lead out. */
function subPathOf(volume: string, subPath: string, fail: (text: string) => RuntimeError): string {
  const root = realpathSync(volume);
  if (subPath === '') return root;
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) throw fail('subPath must stay inside the volume');
  const path = join(root, subPath);
  const inside = realpathSync(existingAncestor(path));
  if (inside !== root && !inside.startsWith(`${root}/`)) throw fail('subPath leads out of the volume');
  if (statSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path, { recursive: true });
  return realpathSync(path);
}

/** The longest beginning of a path that exists on the host. */
export function existingAncestor(path: string): string {
  let current = path;
  while (current !== '/' && statSync(current, { throwIfNoEntry: false }) === undefined) current = dirname(current);
  return current;
}

/** `/var/run/x` is `/run/x` where `/var/run` is a link: mounts are made from outside, where links would lead astray. */
export function resolveTarget(path: string): string {
  const ancestor = existingAncestor(path);
  const real = realpathSync(ancestor);
  const rest = path.slice(ancestor === '/' ? 0 : ancestor.length);
  return real === '/' ? rest : real + rest;
}

/** Names the file systems in memory that Pods have: they come and go, and are nobody else's. */
export const memorySource = 'rondo-memory';

/** Where these file systems are mounted. */
export function memoryMounts(): string[] {
  return mounts().flatMap(({ path, source }) => (source === memorySource ? [path] : []));
}

interface Mount {
  readonly path: string;
  readonly source: string;
}

/** What is mounted where, see proc(5). */
function mounts(): Mount[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [place = '', device = ''] = line.split(' - ');
    const path = place.split(' ')[4] ?? '';
    const octal = /\\([0-7]{3})/g;
    return {
      path: path.replaceAll(octal, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 8))),
      source: device.split(' ')[1] ?? '',
    };
  });
}

/** An overlay shows nothing of what is mounted below its lower directory: those are bound again. */
export function submounts(directory: string): string[] {
  const points = mounts()
    .filter(({ source }) => source !== memorySource)
    .map(({ path }) => path)
    .filter((path) => path.startsWith(`${directory}/`) && !/[\s\\]/.test(path))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
  const unique = [...new Set(points)];
  return unique.filter((path) => !unique.some((other) => path.startsWith(`${other}/`)));
}
