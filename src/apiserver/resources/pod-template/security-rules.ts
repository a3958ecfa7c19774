import type {
  AppArmorProfile,
  PodSecurityContext,
  PodSpec,
  SeccompProfile,
  SecurityContext,
  Sysctl,
} from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset, listOf } from '../value-rules.ts';
import { checkDescendingPath } from './path-rules.ts';

const maxId = 2_147_483_647;
const idText = `must be between 0 and ${maxId}, inclusive`;
const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const procMounts = ['Default', 'Unmasked'];
const maxProfileBytes = 4095;
const sysctlPattern = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;
const sysctlText =
  'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$';

function checkId(id: number | undefined, parent: Path, field: string, problems: Problems): void {
  if (id !== undefined && (id < 0 || id > maxId)) problems.invalid(child(parent, field), id, idText);
}

/** Upstream: core validation `validatePodSpecSecurityContext`. */
export function checkPodSecurity(spec: PodSpec, path: Path, problems: Problems): void {
  const context = spec.securityContext;
  if (context === undefined) return;
  for (const field of ['fsGroup', 'runAsUser', 'runAsGroup'] as const) checkId(context[field], path, field, problems);
  for (const [position, id] of listOf(context.supplementalGroups).entries()) {
    if (id < 0 || id > maxId) problems.invalid(item(child(path, 'supplementalGroups'), position), id, idText);
  }
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    const text = 'ShareProcessNamespace and HostPID cannot both be enabled';
    problems.invalid(child(path, 'shareProcessNamespace'), true, text);
  }
  if (context.sysctls !== undefined) checkSysctls(context.sysctls, child(path, 'sysctls'), problems);
  checkChoices(context, path, problems);
  checkProfiles(context, path, problems);
}

const choices = {
  fsGroupChangePolicy: ['Always', 'OnRootMismatch'],
  supplementalGroupsPolicy: ['Merge', 'Strict'],
  seLinuxChangePolicy: ['MountOption', 'Recursive'],
} as const;

function checkChoices(context: PodSecurityContext, path: Path, problems: Problems): void {
  for (const field of ['fsGroupChangePolicy', 'supplementalGroupsPolicy', 'seLinuxChangePolicy'] as const) {
    const value = context[field];
    const supported: readonly string[] = choices[field];
    if (value !== undefined && !supported.includes(value)) {
      problems.notSupported(child(path, field), value, supported);
    }
  }
}

function checkSysctls(sysctls: readonly Sysctl[], path: Path, problems: Problems): void {
  const seen = new Set<string>();
  for (const [position, { name = '' }] of sysctls.entries()) {
    const at = child(item(path, position), 'name');
    if (name === '') problems.required(at);
    else if (name.length > 253 || !sysctlPattern.test(name)) problems.invalid(at, name, sysctlText);
    else if (seen.has(name)) problems.duplicate(at, name);
    seen.add(name);
  }
}

interface Profiles {
  readonly seccompProfile?: SeccompProfile | undefined;
  readonly appArmorProfile?: AppArmorProfile | undefined;
}

function checkProfiles(context: Profiles, path: Path, problems: Problems): void {
  if (context.seccompProfile !== undefined) {
    checkSeccomp(context.seccompProfile, child(path, 'seccompProfile'), problems);
  }
  if (context.appArmorProfile !== undefined) {
    checkAppArmor(context.appArmorProfile, child(path, 'appArmorProfile'), problems);
  }
}

function checkProfileType(type: string, path: Path, field: string, problems: Problems): void {
  if (isUnset(type)) problems.required(child(path, 'type'), `type is required when ${field} is set`);
  else if (!profileTypes.includes(type)) problems.notSupported(child(path, 'type'), type, profileTypes);
}

function checkSeccomp(profile: SeccompProfile, path: Path, problems: Problems): void {
  checkProfileType(profile.type, path, 'seccompProfile', problems);
  const local = profile.localhostProfile;
  const at = child(path, 'localhostProfile');
  if (profile.type !== 'Localhost') {
    if (local !== undefined) problems.invalid(at, profile, 'can only be set when seccomp type is Localhost');
  } else if (local === undefined) {
    problems.required(at, 'must be set when seccomp type is Localhost');
  } else {
    checkDescendingPath(local, at, problems);
  }
}

function checkAppArmor(profile: AppArmorProfile, path: Path, problems: Problems): void {
  checkProfileType(profile.type, path, 'appArmorProfile', problems);
  const local = profile.localhostProfile;
  const at = child(path, 'localhostProfile');
  if (profile.type !== 'Localhost') {
    if (local !== undefined && profileTypes.includes(profile.type)) {
      problems.invalid(at, local, 'can only be set when AppArmor type is Localhost');
    }
    return;
  }
  if (local !== undefined && local !== local.trim()) {
    problems.invalid(at, local, 'must not be padded with whitespace');
  } else if (isUnset(local)) {
    problems.required(at, 'must be set when AppArmor type is Localhost');
  }
  if (Buffer.byteLength(local ?? '') > maxProfileBytes) problems.tooLong(at, maxProfileBytes);
}

/** Upstream: core validation `ValidateSecurityContext`. */
export function checkContainerSecurity(context: SecurityContext | undefined, path: Path, scope: SecurityScope): void {
  if (context === undefined) return;
  const { problems } = scope;
  checkId(context.runAsUser, path, 'runAsUser', problems);
  checkId(context.runAsGroup, path, 'runAsGroup', problems);
  const { procMount } = context;
  if (procMount !== undefined && !procMounts.includes(procMount)) {
    problems.notSupported(child(path, 'procMount'), procMount, procMounts);
  } else if (procMount === 'Unmasked' && scope.hasHostUsers) {
    problems.invalid(child(path, 'procMount'), procMount, '`hostUsers` must be false to use `Unmasked`');
  }
  if (context.allowPrivilegeEscalation === false) {
    const text = 'cannot set `allowPrivilegeEscalation` to false and';
    if (context.privileged === true) problems.invalid(path, context, `${text} \`privileged\` to true`);
    if (listOf(context.capabilities?.add).includes('CAP_SYS_ADMIN')) {
      problems.invalid(path, context, `${text} \`capabilities.Add\` CAP_SYS_ADMIN`);
    }
  }
  checkProfiles(context, path, problems);
}

export interface SecurityScope {
  readonly problems: Problems;
  /** Whether the pod uses the host's user namespace. */
  readonly hasHostUsers: boolean;
}
