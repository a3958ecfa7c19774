import { dns1123SubdomainErrors, isPodFinished, resources } from '../../api/index.ts';
import type { Pod, PodStatus } from '../../api/index.ts';
import { defineKind } from './define-kind.ts';
import { withPodDefaults } from './pod-template/defaults.ts';
import { qualityOfService } from './pod-template/quality-of-service.ts';
import { ephemeralContainers } from './pod/ephemeral-containers.ts';
import { SpecMemo } from './pod-template/spec-memo.ts';
import { podErrors } from './pod/rules.ts';
import { podStatusErrors } from './pod/status-rules.ts';
import { podTable } from './pod/table.ts';
import { podUpdateErrors } from './pod/update-rules.ts';
import { podWarnings } from './pod/warnings.ts';
import { isUnset, listOf } from './value-rules.ts';

const defaulted = new SpecMemo();

function setDefaults(draft: Pod): void {
  const { spec } = draft;
  draft.spec = spec === undefined ? withPodDefaults(spec) : defaulted.of(spec, undefined, () => withPodDefaults(spec));
  draft.status ??= {};
}

/** Upstream: registry core/pod `PrepareForCreate`. */
function prepareForCreate(draft: Pod): void {
  const status: PodStatus = { phase: 'Pending', qosClass: qualityOfService(draft.spec) };
  const isGated = listOf(draft.spec.schedulingGates).length > 0;
  draft.status = isGated ? { ...status, conditions: [gatedCondition] } : status;
}

const gatedCondition = Object.freeze({
  type: 'PodScheduled',
  status: 'False',
  reason: 'SchedulingGated',
  message: 'Scheduling is blocked due to non-empty scheduling gates',
});

/** Upstream: registry core/pod `CheckGracefulDelete`. Pods that run nowhere need no time to stop. */
function graceSeconds(pod: Pod, requested: number | undefined): number {
  if (isUnset(pod.spec.nodeName) || isPodFinished(pod)) return 0;
  const seconds = requested ?? pod.spec.terminationGracePeriodSeconds ?? 30;
  return seconds < 0 ? 1 : seconds;
}

export const pod = defineKind<Pod>({
  resource: resources.pods,
  singular: 'pod',
  shortNames: ['po'],
  categories: ['all'],
  hasStatus: true,
  hasGeneration: true,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  setDefaults,
  prepareForCreate,
  validate: podErrors,
  validateUpdate: podUpdateErrors,
  validateStatusUpdate: podStatusErrors,
  warnings: podWarnings,
  fieldLabels: {
    'spec.nodeName': (object) => object.spec.nodeName ?? '',
    // The old name of spec.nodeName.
    'spec.host': (object) => object.spec.nodeName ?? '',
    'spec.restartPolicy': (object) => object.spec.restartPolicy ?? '',
    'spec.schedulerName': (object) => object.spec.schedulerName ?? '',
    'spec.serviceAccountName': (object) => object.spec.serviceAccountName ?? '',
    'spec.hostNetwork': (object) => String(object.spec.hostNetwork ?? false),
    'status.phase': (object) => object.status.phase ?? '',
    'status.podIP': (object) => object.status.podIP ?? '',
    'status.podIPs': (object) =>
      listOf(object.status.podIPs)
        .map(({ ip }) => ip)
        .join(','),
    'status.nominatedNodeName': (object) => object.status.nominatedNodeName ?? '',
  },
  indexed: [
    'label:batch.kubernetes.io/job-name',
    'label:job-name',
    'label:batch.kubernetes.io/controller-uid',
    'label:controller-uid',
    'field:spec.nodeName',
  ],
  table: podTable,
  deletion: { graceSeconds, answersObject: true },
  parts: { ephemeralcontainers: ephemeralContainers },
});
