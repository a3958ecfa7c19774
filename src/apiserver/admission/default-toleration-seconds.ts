import type { Pod, Toleration } from '../../api/index.ts';
import type { Admission, AdmissionRequest } from '../kind.ts';

const graceSeconds = 300;
const taints = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const;

/** Pods stay five minutes on a node that is lost, unless they say otherwise (upstream's DefaultTolerationSeconds). */
export const defaultTolerationSeconds: Admission = {
  name: 'DefaultTolerationSeconds',
  admit: ({ kind, operation, object, subresource }: AdmissionRequest) => {
    if (operation === 'delete' || subresource !== undefined) return;
    if (kind.resource.resource !== 'pods' || kind.resource.group !== '') return;
    const pod = object as Pod;
    const present = pod.spec?.tolerations ?? [];
    const missing = taints.filter((taint) => !present.some((toleration) => tolerates(toleration, taint)));
    if (pod.spec === undefined || missing.length === 0) return;
    pod.spec = { ...pod.spec, tolerations: [...present, ...missing.map(defaultToleration)] };
  },
};

function tolerates({ key, effect }: Toleration, taint: string): boolean {
  return (!key || key === taint) && (!effect || effect === 'NoExecute');
}

function defaultToleration(key: string): Toleration {
  return { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: graceSeconds };
}
