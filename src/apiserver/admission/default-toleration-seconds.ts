import { deepFreeze, resources, type Pod, type PodSpec, type Toleration } from '../../api/index.ts';
import type { Admission } from '../kind.ts';
import { isA } from './concerns.ts';
import { SpecMemo } from '../resources/pod-template/spec-memo.ts';

const graceSeconds = 300;
const taints = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const;

/** What most Pods get, and share. */
const both: readonly Toleration[] = deepFreeze(taints.map(defaultToleration));
const memo = new SpecMemo();

/** Pods stay five minutes on a node that is lost, unless they say otherwise (upstream's DefaultTolerationSeconds). */
export const defaultTolerationSeconds: Admission = {
  name: 'DefaultTolerationSeconds',
  concerns: ({ operation, resource, subresource }) =>
    operation !== 'delete' && subresource === undefined && isA(resource, resources.pods),
  admit: ({ object }) => {
    const pod = object as Pod;
    const { spec } = pod;
    if (spec !== undefined) pod.spec = memo.of(spec, undefined, () => withTolerations(spec));
  },
};

function withTolerations(spec: PodSpec): PodSpec {
  const present = spec.tolerations ?? [];
  if (present.length === 0) return { ...spec, tolerations: both };
  const missing = taints.filter((taint) => !present.some((toleration) => tolerates(toleration, taint)));
  return missing.length === 0 ? spec : { ...spec, tolerations: [...present, ...missing.map(defaultToleration)] };
}

function tolerates({ key, effect }: Toleration, taint: string): boolean {
  return (!key || key === taint) && (!effect || effect === 'NoExecute');
}

function defaultToleration(key: string): Toleration {
  return { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: graceSeconds };
}
