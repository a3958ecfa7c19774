import { dns1123LabelErrors } from '../../../api/index.ts';
import type { Pod } from '../../../api/index.ts';
import { podSpecWarnings } from '../pod-template/warnings.ts';

/** Upstream: registry core/pod `WarningsOnCreate` and `WarningsOnUpdate`. */
export function podWarnings(pod: Pod, old: Pod | undefined): readonly string[] {
  // What was stored was warned about when it came.
  if (old !== undefined) return old.spec === pod.spec ? [] : podSpecWarnings(pod.spec, 'spec');
  const errors = dns1123LabelErrors(pod.metadata.name);
  const own = podSpecWarnings(pod.spec, 'spec');
  if (errors.length === 0) return own;
  return [
    `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${errors.join(' ')}]`,
    ...own,
  ];
}
