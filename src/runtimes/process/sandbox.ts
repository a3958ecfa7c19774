import { mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Container, Pod } from '../../api/index.ts';
import { RuntimeError, type ContainerId } from '../runtime.ts';
import {
  containerFiles,
  existingAncestor,
  plannedMounts,
  podFiles,
  submounts,
  type Layout,
  type PlannedMount,
} from '../wrapped/index.ts';
import type { Abilities } from './admission.ts';
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

function ownDirectory(layout: Layout, root: string): MountStep {
  const path = realpathSync(layout.root);
  return { type: 'bind', source: path, target: root + path, recursive: false };
}
