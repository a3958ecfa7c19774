import type { Pod } from '../../api/index.ts';
import type { Announcement } from '../runtime.ts';

/** What these runtimes do not do quite as a Pod asks, although the Pod can run. `media`: those that an emptyDir gets. */
export function commonAnnouncements({ spec }: Pod, media: readonly string[]): Announcement[] {
  const result: Announcement[] = [];
  for (const { name, emptyDir } of spec.volumes ?? []) {
    const medium = emptyDir?.medium ?? '';
    if (medium === '' || media.includes(medium)) continue;
    const message = `emptyDir ${name}: medium ${medium} is not available, the files lie on disk`;
    result.push({ reason: 'MediumNotHonoured', message });
  }
  const interactive = [...(spec.initContainers ?? []), ...spec.containers].filter(({ tty }) => tty);
  if (interactive.length > 0)
    result.push({
      reason: 'NoTerminal',
      message: `${namesOf(interactive)}: containers have no terminal of their own; use kubectl exec -it`,
    });
  return result;
}

function namesOf(items: readonly { readonly name: string }[]): string {
  return items.map(({ name }) => name).join(', ');
}
