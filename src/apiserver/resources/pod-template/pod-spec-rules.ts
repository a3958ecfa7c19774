import { dns1123LabelErrors, dns1123SubdomainErrors, qualifiedNameErrors } from '../../../api/index.ts';
import type { PodSpec } from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset, listOf } from '../value-rules.ts';
import { checkAffinity } from './affinity-rules.ts';
import { checkChoice, checkContainers, checkInitContainers } from './container-rules.ts';
import type { PodScope } from './container-rules.ts';
import { checkDnsConfig, checkHostAliases } from './dns-rules.ts';
import { checkEphemeralContainers } from './ephemeral-container-rules.ts';
import { checkHostNetworkPorts } from './port-rules.ts';
import { checkResources } from './resource-rules.ts';
import { checkLabels, checkSchedulingGates, checkSpreadConstraints, checkTolerations } from './scheduling-rules.ts';
import { checkPodSecurity } from './security-rules.ts';
import { checkVolumes } from './volume-rules.ts';

const restartPolicies = ['Always', 'OnFailure', 'Never'];
const dnsPolicies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
export const preemptionPolicies = ['PreemptLowerPriority', 'Never'];
const maxDeadlineSeconds = 2_147_483_647;
const noClaims: ReadonlySet<string> = new Set();

/** Upstream: core validation `ValidatePodSpec`. */
export function checkPodSpec(spec: PodSpec, path: Path, problems: Problems): void {
  const scope = scopeOf(spec, path, problems);
  const containers = listOf(spec.containers);
  checkContainers(containers, child(path, 'containers'), scope);
  if (spec.initContainers !== undefined && spec.initContainers !== null) {
    checkInitContainers(spec.initContainers, containers, child(path, 'initContainers'), scope);
  }
  checkEphemeralContainers(spec, child(path, 'ephemeralContainers'), scope);
  if (spec.hostNetwork === true) checkHostNetworkPorts(containers, child(path, 'containers'), problems);
  checkChoice(spec.restartPolicy, restartPolicies, child(path, 'restartPolicy'), problems);
  checkChoice(spec.dnsPolicy, dnsPolicies, child(path, 'dnsPolicy'), problems);
  checkPodSecurity(spec, child(path, 'securityContext'), problems);
  checkNames(spec, path, problems);
  checkLimits(spec, path, problems);
  checkPlacement(spec, path, problems);
  checkRest(spec, path, scope);
}

function scopeOf(spec: PodSpec, path: Path, problems: Problems): PodScope {
  const claims = spec.resourceClaims;
  return {
    problems,
    volumes: checkVolumes(spec.volumes, child(path, 'volumes'), problems),
    claimNames: claims === undefined ? noClaims : new Set(claims.map((claim) => claim.name)),
    gracePeriodSeconds: spec.terminationGracePeriodSeconds,
    hasHostUsers: spec.hostUsers !== false,
    restartPolicy: spec.restartPolicy ?? '',
  };
}

const nameRules = [
  ['serviceAccountName', dns1123SubdomainErrors],
  ['nodeName', dns1123SubdomainErrors],
  ['hostname', dns1123LabelErrors],
  ['subdomain', dns1123LabelErrors],
  ['priorityClassName', dns1123SubdomainErrors],
  ['runtimeClassName', dns1123SubdomainErrors],
] as const;

function checkNames(spec: PodSpec, path: Path, problems: Problems): void {
  for (const [field, rule] of nameRules) {
    const name = spec[field];
    if (isUnset(name)) continue;
    const errors = rule(name);
    if (errors.length > 0) problems.allInvalid(child(path, field), name, errors);
  }
}

function checkLimits(spec: PodSpec, path: Path, problems: Problems): void {
  const { activeDeadlineSeconds: deadline, terminationGracePeriodSeconds: grace } = spec;
  if (grace === undefined) problems.required(child(path, 'terminationGracePeriodSeconds'));
  if (deadline !== undefined && (deadline < 1 || deadline > maxDeadlineSeconds)) {
    const text = `must be between 1 and ${maxDeadlineSeconds}, inclusive`;
    problems.invalid(child(path, 'activeDeadlineSeconds'), deadline, text);
  }
}

function checkPlacement(spec: PodSpec, path: Path, problems: Problems): void {
  const { affinity, nodeSelector, schedulingGates, tolerations, topologySpreadConstraints: spread } = spec;
  if (nodeSelector !== undefined) checkLabels(nodeSelector, child(path, 'nodeSelector'), problems);
  if (affinity !== undefined) checkAffinity(affinity, child(path, 'affinity'), problems);
  if (tolerations !== undefined) checkTolerations(tolerations, child(path, 'tolerations'), problems);
  if (schedulingGates !== undefined) checkSchedulingGates(schedulingGates, child(path, 'schedulingGates'), problems);
  if (spread !== undefined) checkSpreadConstraints(spread, child(path, 'topologySpreadConstraints'), problems);
}

function checkRest(spec: PodSpec, path: Path, scope: PodScope): void {
  const { problems } = scope;
  checkDnsConfig(spec.dnsConfig, spec.dnsPolicy, child(path, 'dnsConfig'), problems);
  if (spec.hostAliases !== undefined) checkHostAliases(spec.hostAliases, child(path, 'hostAliases'), problems);
  if (spec.preemptionPolicy !== undefined) {
    checkChoice(spec.preemptionPolicy, preemptionPolicies, child(path, 'preemptionPolicy'), problems);
  }
  for (const [position, gate] of listOf(spec.readinessGates).entries()) {
    const at = child(item(child(path, 'readinessGates'), position), 'conditionType');
    problems.allInvalid(at, gate.conditionType ?? '', qualifiedNameErrors(gate.conditionType ?? ''));
  }
  if (spec.overhead !== undefined) checkResources({ limits: spec.overhead }, child(path, 'overhead'), scope);
  if (spec.resources !== undefined) checkPodResources(spec, child(path, 'resources'), scope);
  if (spec.hostUsers === false) checkUserNamespace(spec, path, problems);
  if (spec.os !== undefined) checkOs(spec.os.name ?? '', child(child(path, 'os'), 'name'), problems);
}

function checkPodResources(spec: PodSpec, path: Path, scope: PodScope): void {
  if (spec.resources?.claims !== undefined) {
    scope.problems.forbidden(child(path, 'claims'), 'claims cannot be set for Resources at pod-level');
  }
  const { limits, requests } = spec.resources ?? {};
  checkResources({ limits, requests }, path, scope);
}

/** A user namespace of one's own does not go with other namespaces of the host. */
function checkUserNamespace(spec: PodSpec, path: Path, problems: Problems): void {
  const text = 'when `pod.Spec.HostUsers` is false';
  if (spec.hostNetwork === true) problems.forbidden(child(path, 'hostNetwork'), text);
  if (spec.hostPID === true) problems.forbidden(child(path, 'HostPID'), text);
  if (spec.hostIPC === true) problems.forbidden(child(path, 'HostIPC'), text);
}

function checkOs(name: string, path: Path, problems: Problems): void {
  if (name === '') problems.required(path);
  else if (name !== 'linux' && name !== 'windows') problems.notSupported(path, name, ['linux', 'windows']);
}
