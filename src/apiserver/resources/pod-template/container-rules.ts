import { dns1123LabelErrors } from '../../../api/index.ts';
import type { Container, ContainerResizePolicy } from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset, listOf } from '../value-rules.ts';
import { checkEnv, checkEnvFrom } from './env-rules.ts';
import { checkMounts } from './mount-rules.ts';
import type { VolumesByName } from './mount-rules.ts';
import { checkContainerPorts, checkHostPorts } from './port-rules.ts';
import { checkHooks, checkNoHooks } from './probe-rules.ts';
import type { HandlerScope } from './probe-rules.ts';
import { checkResources } from './resource-rules.ts';
import type { ResourceScope } from './resource-rules.ts';
import { checkContainerSecurity } from './security-rules.ts';
import type { SecurityScope } from './security-rules.ts';

/** What the rules of a container need to know of its pod. */
export interface PodScope extends HandlerScope, ResourceScope, SecurityScope {
  readonly volumes: VolumesByName;
  readonly restartPolicy: string;
}

const pullPolicies = ['Always', 'IfNotPresent', 'Never'];
const messagePolicies = ['File', 'FallbackToLogsOnError'];

/** Upstream: core validation `validateContainers`. */
export function checkContainers(containers: readonly Container[], path: Path, scope: PodScope): void {
  const { problems } = scope;
  if (containers.length === 0) {
    problems.required(path);
    return;
  }
  for (let position = 0; position < containers.length; position++) {
    const container = containers[position] as Container;
    const at = item(path, position);
    checkContainer(container, at, scope);
    if (isRepeated(containers, position)) problems.duplicate(child(at, 'name'), container.name ?? '');
    checkHooks(container, at, scope);
    if (container.restartPolicy !== undefined) checkContainerRestartPolicy(container, at, problems);
  }
  checkHostPorts(containers, path, problems);
}

function isRepeated(containers: readonly Container[], position: number): boolean {
  const name = containers[position]?.name;
  for (let before = 0; before < position; before++) if (containers[before]?.name === name) return true;
  return false;
}

const restartPolicies = ['Always', 'Never', 'OnFailure'];

/** Restart policies of single containers are served since 1.35. */
function checkContainerRestartPolicy(container: Container, path: Path, problems: Problems): void {
  const policy = container.restartPolicy;
  if (policy !== undefined && restartPolicies.includes(policy)) return;
  problems.notSupported(child(path, 'restartPolicy'), policy, restartPolicies);
}

/** Upstream: core validation `validateInitContainers`. Sidecars are init containers that restart always. */
export function checkInitContainers(
  containers: readonly Container[],
  regular: readonly Container[],
  path: Path,
  scope: PodScope,
): void {
  const { problems } = scope;
  const names = new Set(regular.map((container) => container.name));
  for (const [position, container] of containers.entries()) {
    const at = item(path, position);
    checkContainer(container, at, scope);
    if (container.restartPolicy !== undefined) checkContainerRestartPolicy(container, at, problems);
    if (names.has(container.name)) problems.duplicate(child(at, 'name'), container.name ?? '');
    else if (!isUnset(container.name)) names.add(container.name);
    // They run one after the other, so only the ports of one are looked at together.
    checkHostPorts([container], path, problems);
    if (container.restartPolicy === 'Always') checkHooks(container, at, scope);
    else checkNoHooks(container, at, problems);
  }
}

/** The rules for containers of all sorts. Upstream: core validation `validateContainerCommon`. */
export function checkContainer(container: Container, path: Path, scope: PodScope): void {
  const { problems } = scope;
  checkName(container.name, path, problems);
  if (isUnset(container.image)) problems.required(child(path, 'image'));
  checkChoice(container.terminationMessagePolicy, messagePolicies, child(path, 'terminationMessagePolicy'), problems);
  checkChoice(container.imagePullPolicy, pullPolicies, child(path, 'imagePullPolicy'), problems);
  if (container.ports !== undefined) checkContainerPorts(container.ports, child(path, 'ports'), problems);
  if (container.env !== undefined) checkEnv(container.env, child(path, 'env'), problems);
  if (container.envFrom !== undefined) checkEnvFrom(container.envFrom, child(path, 'envFrom'), problems);
  checkMounts(container, scope.volumes, path, problems);
  checkResources(container.resources, child(path, 'resources'), scope);
  if (container.resizePolicy !== undefined) {
    checkResizePolicies(container.resizePolicy, child(path, 'resizePolicy'), scope);
  }
  checkContainerSecurity(container.securityContext, child(path, 'securityContext'), scope);
}

function checkName(name: string | undefined, path: Path, problems: Problems): void {
  if (isUnset(name)) {
    problems.required(child(path, 'name'));
    return;
  }
  const errors = dns1123LabelErrors(name);
  if (errors.length > 0) problems.allInvalid(child(path, 'name'), name, errors);
}

/** One of the supported values; required. */
export function checkChoice(
  value: string | undefined,
  supported: readonly string[],
  path: Path,
  problems: Problems,
): void {
  if (isUnset(value)) problems.required(path);
  else if (!supported.includes(value)) problems.notSupported(path, value, supported);
}

/** Upstream: core validation `validateResizePolicy`; it reports on the whole list. */
function checkResizePolicies(policies: readonly ContainerResizePolicy[], path: Path, scope: PodScope): void {
  const { problems, restartPolicy } = scope;
  const seen = new Set<string>();
  for (const [position, policy] of listOf(policies).entries()) {
    if (seen.has(policy.resourceName)) problems.duplicate(item(path, position), policy.resourceName);
    seen.add(policy.resourceName);
    checkChoice(policy.resourceName, ['cpu', 'memory'], path, problems);
    checkChoice(policy.restartPolicy, ['NotRequired', 'RestartContainer'], path, problems);
    if (restartPolicy === 'Never' && policy.restartPolicy !== 'NotRequired') {
      problems.invalid(path, policy.restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'");
    }
  }
}
