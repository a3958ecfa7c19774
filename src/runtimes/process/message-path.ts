import type { Container } from '../../api/index.ts';
import type { Announcement } from '../runtime.ts';
import { kernelDirectories } from '../wrapped/index.ts';
import type { Abilities } from './admission.ts';
import { needsOverlay } from './sandbox.ts';

type Mounts = Pick<Abilities, 'mounts'>;

/**
 * Whether the termination message can be had from where the Pod says. A place of the Pod's own choice is mounted, and
 * costs its container the plain start; below /dev, where it usually is, nothing can be mounted.
 */
export function mountsMessage({ terminationMessagePath: path }: Container, { mounts }: Mounts): boolean {
  if (path?.startsWith('/') !== true || kernelDirectories.test(path) || mounts === 'none') return false;
  return mounts === 'anywhere' || !needsOverlay(path);
}

/**
 * Every container has a path for its message, but hardly any writes there: only for those that seem to do, what they
 * write being in the manifest, is there something to tell.
 */
export function messageAnnouncements(containers: readonly Container[], abilities: Mounts): Announcement[] {
  const lost = containers.filter((container) => writesMessage(container) && !mountsMessage(container, abilities));
  if (lost.length === 0) return [];
  const paths = [...new Set(lost.map(({ terminationMessagePath }) => terminationMessagePath))].join(', ');
  const message =
    `${lost.map(({ name }) => name).join(', ')}: the process runtime does not read ${paths}; write the termination ` +
    'message to the file that $RONDO_TERMINATION_LOG names';
  return [{ reason: 'TerminationMessagePathNotRead', message }];
}

function writesMessage({ terminationMessagePath: path, command = [], args = [], env = [] }: Container): boolean {
  if (path === undefined || path === '') return false;
  return [...command, ...args, ...env.map(({ value }) => value ?? '')].some((text) => text.includes(path));
}
