import type {
  ContainerStatus,
  Pod,
  PodFailurePolicy,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
} from '../../api/index.ts';

export type FailureAction = 'FailJob' | 'FailIndex' | 'Ignore' | 'Count';

export interface PolicyMatch {
  readonly action: FailureAction;
  /** Only for FailJob: what the Job's condition says. */
  readonly message: string;
}

/** The first rule that matches a failed pod decides. No rule, or an unknown action of a newer API: count it. */
export function matchFailurePolicy(policy: PodFailurePolicy | undefined, pod: Pod): PolicyMatch {
  if (policy === undefined || pod.status.phase !== 'Failed') return counted;
  for (const [ruleIndex, rule] of policy.rules.entries()) {
    const cause =
      rule.onExitCodes === undefined
        ? conditionCause(rule.onPodConditions ?? [], pod)
        : exitCodeCause(rule.onExitCodes, pod);
    if (cause === undefined || !isKnown(rule.action)) continue;
    const { namespace, name } = pod.metadata;
    const message = `${cause(`${namespace ?? ''}/${name}`)} matching ${rule.action} rule at index ${ruleIndex}`;
    return { action: rule.action, message };
  }
  return counted;
}

/** Whether a failed pod raises `status.failed` (and its index's failure count). */
export function countsAsFailure(policy: PodFailurePolicy | undefined, pod: Pod): boolean {
  return policy === undefined || matchFailurePolicy(policy, pod).action !== 'Ignore';
}

const counted: PolicyMatch = { action: 'Count', message: '' };

function isKnown(action: string): action is FailureAction {
  return action === 'FailJob' || action === 'FailIndex' || action === 'Ignore' || action === 'Count';
}

type Cause = (pod: string) => string;

/** Regular containers come before init containers. */
function exitCodeCause(requirement: PodFailurePolicyOnExitCodesRequirement, pod: Pod): Cause | undefined {
  const status =
    pod.status.containerStatuses?.find((candidate) => matchesExit(requirement, candidate)) ??
    pod.status.initContainerStatuses?.find((candidate) => matchesExit(requirement, candidate));
  const exitCode = status?.state?.terminated?.exitCode;
  if (status === undefined || exitCode === undefined) return undefined;
  return (podName) => `Container ${status.name} for pod ${podName} failed with exit code ${exitCode}`;
}

/** Exit code 0 is never a failure, not even for NotIn. */
function matchesExit(requirement: PodFailurePolicyOnExitCodesRequirement, status: ContainerStatus): boolean {
  const exitCode = status.state?.terminated?.exitCode;
  if (exitCode === undefined || exitCode === 0) return false;
  if (requirement.containerName !== undefined && requirement.containerName !== status.name) return false;
  const listed = requirement.values.includes(exitCode);
  if (requirement.operator === 'In') return listed;
  return requirement.operator === 'NotIn' && !listed;
}

function conditionCause(patterns: readonly PodFailurePolicyOnPodConditionsPattern[], pod: Pod): Cause | undefined {
  const condition = pod.status.conditions?.find(({ type, status }) =>
    patterns.some((pattern) => pattern.type === type && (pattern.status ?? 'True') === status),
  );
  return condition === undefined ? undefined : (podName) => `Pod ${podName} has condition ${condition.type}`;
}
