import { lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Container, Pod, VolumeMount } from '../../api/index.ts';
import { RuntimeError, type ContainerId } from '../runtime.ts';
import type { Abilities } from './admission.ts';
import { containerFiles, podFiles, type Layout } from './layout.ts';
import { sandboxCommand, type MountStep } from './mount-script.ts';

export interface SandboxRequest {
  readonly layout: Layout;
  readonly id: ContainerId;
  readonly pod: Pod;
  readonly container: Container;
  readonly abilities: Pick<Abilities, 'mounts' | 'uid' | 'gid'>;
  readonly workingDir: string;
  readonly command: readonly string[];
}

/** Directories of the kernel: nothing can be made in them, and an overlay would break them. */
const kernelDirectories = /^\/(proc|sys|dev)(\/|$)/;

/**
 * The command that runs a container's command with its volumes at their mount paths. Its root is a small tmpfs with
 * the host's top-level directories bound into it, so the host's own files are what they are everywhere, and new
 * top-level directories touch nothing. A mount path that is missing deeper in the host gets an overlay of the nearest
 * directory above it: what the container writes to that directory itself stays in the Pod. (An overlay of the whole
 * root would be fewer mounts, but would silently keep all writes from the host, and needs root.)
 * @throws RuntimeError CreateContainerConfigError
 */
export function prepareSandbox(request: SandboxRequest): string[] {
  const { layout, id, container, abilities } = request;
  const base = join(podFiles(layout, id.podUid).sandbox, `${id.container}_${id.attempt}`);
  const root = join(base, 'root');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const mounts = plannedMounts(request);
  const covered = overlaysFor(mounts, abilities.mounts);
  const steps: MountStep[] = [
    { type: 'tmpfs', target: root },
    ...hostDirectories().map((path): MountStep => ({
      type: 'bind',
      source: path,
      target: root + path,
      recursive: true,
    })),
    ...covered.flatMap((directory, index) =>
      overlaySteps(directory, join(base, `overlay-${index}`), root, layout.root),
    ),
    // Overlays may have covered our own directory: that of the Pod, its volumes and messages lie there.
    ...(covered.length === 0 ? [] : [ownDirectory(layout, root)]),
    ...mounts.map(({ source, path, kind, readOnly }): MountStep => {
      return { type: 'bind', source, target: root + path, recursive: false, kind, readOnly };
    }),
  ];
  return sandboxCommand({
    steps,
    root,
    fstab: join(base, 'fstab'),
    errorFile: containerFiles(layout, id).error,
    workingDir: request.workingDir,
    command: request.command,
    user: abilities.uid === 0 ? undefined : { uid: abilities.uid, gid: abilities.gid },
    containerName: container.name,
  });
}

/** Whether a mount path can only be had by an overlay of a directory of the host. */
export function needsOverlay(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) === undefined && existingAncestor(path) !== '/';
}

interface PlannedMount {
  /** Where it goes, links of the host resolved. */
  readonly path: string;
  readonly source: string;
  readonly kind: 'directory' | 'file';
  readonly readOnly: boolean;
}

function plannedMounts({ layout, id, pod, container }: SandboxRequest): PlannedMount[] {
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
  const fail = (text: string): RuntimeError =>
    new RuntimeError('CreateContainerConfigError', `volumeMount ${mount.name} at ${mount.mountPath}: ${text}`);
  const mountPath = mount.mountPath.replaceAll(/\/+/g, '/').replace(/(.)\/$/, '$1');
  if (!mountPath.startsWith('/') || mountPath === '/' || mountPath.split('/').includes('..'))
    throw fail('the path must be absolute, and not the root');
  const volume = join(volumes, mount.name);
  if (lstatSync(volume, { throwIfNoEntry: false }) === undefined) throw fail('the Pod has no such volume here');
  const source = subPathOf(volume, mount.subPath ?? '', fail);
  const kind = statSync(source).isDirectory() ? 'directory' : 'file';
  const path = resolveTarget(mountPath);
  const target = statSync(path, { throwIfNoEntry: false });
  if (target === undefined && kernelDirectories.test(path)) throw fail('this directory belongs to the kernel');
  if (target !== undefined && target.isDirectory() !== (kind === 'directory'))
    throw fail(`a ${kind} cannot be mounted there: the host has something else at this path`);
  const declared = pod.spec.volumes?.find(({ name }) => name === mount.name);
  // Content that the kubelet keeps up to date is read-only in Kubernetes.
  const content = declared?.configMap ?? declared?.secret ?? declared?.downwardAPI ?? declared?.projected;
  return { path, source, kind, readOnly: mount.readOnly === true || content !== undefined };
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

function existingAncestor(path: string): string {
  let current = path;
  while (current !== '/' && statSync(current, { throwIfNoEntry: false }) === undefined) current = dirname(current);
  return current;
}

/** `/var/run/x` is `/run/x` where `/var/run` is a link: mounts are made from outside, where links would lead astray. */
function resolveTarget(path: string): string {
  const ancestor = existingAncestor(path);
  const real = realpathSync(ancestor);
  const rest = path.slice(ancestor === '/' ? 0 : ancestor.length);
  return real === '/' ? rest : real + rest;
}

/** The top-level directories of the host, also where they are links. */
export function hostDirectories(): string[] {
  return readdirSync('/')
    .filter((name) => name !== 'lost+found')
    .map((name) => `/${name}`)
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
}

/** Directories of the host in which mount paths are missing; of nested ones only the outermost. */
function overlaysFor(mounts: readonly PlannedMount[], ability: Abilities['mounts']): string[] {
  const needed = new Set(
    mounts
      .filter(({ path }) => needsOverlay(path))
      // A path inside another mount is made in that volume, as a container runtime would.
      .filter(({ path }) => !mounts.some((other) => path.startsWith(`${other.path}/`)))
      .map(({ path }) => existingAncestor(path)),
  );
  if (needed.size > 0 && ability !== 'anywhere')
    throw new RuntimeError(
      'CreateContainerConfigError',
      `the directory for a mount below ${[...needed].join(', ')} does not exist, and this machine cannot make it ` +
        'without changing the host (no overlay mounts): make the directory, or mount at a new top-level path',
    );
  return [...needed].filter((path) => ![...needed].some((other) => path.startsWith(`${other}/`))).sort();
}

function overlaySteps(directory: string, base: string, root: string, dataDir: string): MountStep[] {
  const { mode, uid, gid } = statSync(directory);
  mkdirSync(base, { recursive: true, mode: 0o700 });
  const real = realpathSync(dataDir);
  const step: MountStep = {
    type: 'overlay',
    lower: directory,
    target: root + directory,
    base,
    // The kernel refuses layers that lie in one another.
    onTmpfs: real === directory || real.startsWith(`${directory}/`),
    mode: mode & 0o7777,
    owner: `${uid}:${gid}`,
  };
  return [
    step,
    ...submounts(directory).map((path): MountStep => ({
      type: 'bind',
      source: path,
      target: root + path,
      recursive: true,
    })),
  ];
}

/** An overlay shows nothing of what is mounted below its lower directory: those are bound again. */
function submounts(directory: string): string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${directory}/`) && !path.includes('\\'))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
  const unique = [...new Set(points)];
  return unique.filter((path) => !unique.some((other) => path.startsWith(`${other}/`)));
}

function ownDirectory(layout: Layout, root: string): MountStep {
  const path = realpathSync(layout.root);
  return { type: 'bind', source: path, target: root + path, recursive: false };
}
