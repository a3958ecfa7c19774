import type { Pod } from '../../api/index.ts';
import type { Announcement } from '../runtime.ts';

/** What none of these runtimes does quite as a Pod asks, although the Pod can run. */
export function commonAnnouncements({ spec }: Pod): Announcement[] {
  const result: Announcement[] = [];
  const inMemory = (spec.volumes ?? []).filter(({ emptyDir }) => emptyDir?.medium === 'Memory');
  if (inMemory.length > 0)
    result.push({
      reason: 'MediumNotHonoured',
      message: `emptyDir ${namesOf(inMemory)}: medium Memory is not available, the files lie on disk`,
    });
  const interactive = [...(spec.initContainers ?? []), ...spec.containers].filter(({ stdin, tty }) => stdin || tty);
  if (interactive.length > 0)
    result.push({
      reason: 'NoOpenInput',
      message: `${namesOf(interactive)}: containers have neither an open input nor a terminal; use kubectl exec -it`,
    });
  return result;
}

function namesOf(items: readonly { readonly name: string }[]): string {
  return items.map(({ name }) => name).join(', ');
}
