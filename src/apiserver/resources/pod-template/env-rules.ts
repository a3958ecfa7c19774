import { dns1123SubdomainErrors, qualifiedNameErrors } from '../../../api/index.ts';
import type { EnvFromSource, EnvVar, ObjectFieldSelector, ResourceFieldSelector } from '../../../api/index.ts';
import { configKeyErrors } from '../config-keys.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset } from '../value-rules.ts';

const envFieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
/** All that upstream can convert; what is not in the list of the place is then not supported there. */
const convertible: ReadonlySet<string> = new Set([
  ...envFieldPaths,
  'metadata.annotations',
  'metadata.labels',
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
]);
const resourceNames = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const envNamePattern = /^[ -<>-~]+$/;
const byteDivisors = '1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei';

/** Upstream: core validation `ValidateEnv`. */
export function checkEnv(variables: readonly EnvVar[], path: Path, problems: Problems): void {
  for (const [position, variable] of variables.entries()) {
    const at = item(path, position);
    const name = variable.name ?? '';
    if (name === '') problems.required(child(at, 'name'));
    else checkEnvName(name, at, 'name', problems);
    if (variable.valueFrom !== undefined) checkValueFrom(variable, child(at, 'valueFrom'), problems);
  }
}

/** Since 1.34 nearly everything is a name. Upstream: apimachinery `IsRelaxedEnvVarName`. */
function checkEnvName(name: string, parent: Path, field: string, problems: Problems): void {
  if (envNamePattern.test(name)) return;
  const text = "a valid environment variable name must consist only of printable ASCII characters other than '='";
  problems.invalid(child(parent, field), name, text);
}

function checkValueFrom(variable: EnvVar, path: Path, problems: Problems): void {
  const from = variable.valueFrom ?? {};
  let sources = 0;
  if (from.fieldRef !== undefined) {
    sources++;
    checkFieldRef(from.fieldRef, envFieldPaths, child(path, 'fieldRef'), problems);
  }
  if (from.resourceFieldRef !== undefined) {
    sources++;
    checkResourceFieldRef(from.resourceFieldRef, child(path, 'resourceFieldRef'), problems);
  }
  for (const field of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const reference = from[field];
    if (reference === undefined) continue;
    sources++;
    checkKeyRef(reference.name ?? '', reference.key ?? '', child(path, field), problems);
  }
  if (sources === 0) {
    problems.invalid(
      path,
      '',
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
    );
  } else if (!isUnset(variable.value)) {
    problems.invalid(path, '', 'may not be specified when `value` is not empty');
  } else if (sources > 1) {
    problems.invalid(path, '', 'may not have more than one field specified at a time');
  }
}

function checkKeyRef(name: string, key: string, path: Path, problems: Problems): void {
  problems.allInvalid(child(path, 'name'), name, dns1123SubdomainErrors(name));
  if (key === '') problems.required(child(path, 'key'));
  else problems.allInvalid(child(path, 'key'), key, configKeyErrors(key));
}

/** Upstream: core validation `validateObjectFieldSelector`. `supported` is sorted. */
export function checkFieldRef(
  reference: ObjectFieldSelector,
  supported: readonly string[],
  path: Path,
  problems: Problems,
): void {
  const text = reference.fieldPath ?? '';
  if (isUnset(reference.apiVersion)) problems.required(child(path, 'apiVersion'));
  else if (text === '') problems.required(child(path, 'fieldPath'));
  else checkFieldPath(text, supported, path, problems);
}

function checkFieldPath(text: string, supported: readonly string[], path: Path, problems: Problems): void {
  const [field, subscript] = splitSubscript(text);
  if (!convertible.has(field)) {
    problems.invalid(child(path, 'fieldPath'), text, `error converting fieldPath: field label not supported: ${text}`);
  } else if (subscript === undefined) {
    if (!supported.includes(field)) problems.notSupported(child(path, 'fieldPath'), field, supported);
  } else if (field === 'metadata.annotations') {
    const key = subscript.toLowerCase();
    problems.allInvalid(path, key, qualifiedNameErrors(key));
  } else if (field === 'metadata.labels') {
    problems.allInvalid(path, subscript, qualifiedNameErrors(subscript));
  } else {
    problems.invalid(path, field, 'does not support subscript');
  }
}

/** `metadata.labels['key']` into field and key. */
function splitSubscript(text: string): readonly [string, string | undefined] {
  if (!text.endsWith("']")) return [text, undefined];
  const start = text.indexOf("['");
  return start <= 0 ? [text, undefined] : [text.slice(0, start), text.slice(start + 2, -2)];
}

/** Upstream: core validation `validateContainerResourceFieldSelector`, for environment variables. */
export function checkResourceFieldRef(reference: ResourceFieldSelector, path: Path, problems: Problems): void {
  const resource = reference.resource ?? '';
  if (resource === '') problems.required(child(path, 'resource'));
  else if (!resourceNames.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource)) {
    problems.notSupported(child(path, 'resource'), resource, resourceNames);
  }
  checkDivisor(resource, reference.divisor ?? '0', child(path, 'divisor'), problems);
}

function checkDivisor(resource: string, divisor: string, path: Path, problems: Problems): void {
  if (divisor === '0' || divisor === '') return;
  if (resource.endsWith('.cpu')) {
    if (divisor === '1m' || divisor === '1') return;
    problems.invalid(path, resource, "only divisor's values 1m and 1 are supported with the cpu resource");
    return;
  }
  if (byteDivisors.split(', ').includes(divisor)) return;
  const kind = divisorKinds.find(([part]) => resource.includes(part))?.[1];
  if (kind === undefined) return;
  problems.invalid(path, resource, `only divisor's values ${byteDivisors} are supported with the ${kind} resource`);
}

const divisorKinds: readonly (readonly [string, string])[] = [
  ['.memory', 'memory'],
  ['.ephemeral-storage', 'local ephemeral storage'],
  ['.hugepages-', 'hugepages'],
];

/** Upstream: core validation `ValidateEnvFrom`; it reports wrong numbers of sources on the whole list. */
export function checkEnvFrom(sources: readonly EnvFromSource[], path: Path, problems: Problems): void {
  for (const [position, source] of sources.entries()) {
    const at = item(path, position);
    if (!isUnset(source.prefix)) checkEnvName(source.prefix, at, 'prefix', problems);
    let count = 0;
    for (const field of ['configMapRef', 'secretRef'] as const) {
      const reference = source[field];
      if (reference === undefined) continue;
      count++;
      const namePath = child(child(at, field), 'name');
      if (isUnset(reference.name)) problems.required(namePath);
      else problems.allInvalid(namePath, reference.name, dns1123SubdomainErrors(reference.name));
    }
    if (count === 0) problems.invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`');
    if (count > 1) problems.invalid(path, '', 'may not have more than one field specified at a time');
  }
}
