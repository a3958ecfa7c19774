import type { Container, PodSpec, PodTemplateSpec } from '../../../api/index.ts';
import { listOf } from '../value-rules.ts';
import { quantityOf } from './known-quantities.ts';

const unitNanos = 1_000_000_000n;

/** Accepted, but probably not meant. Upstream: api/pod `warningsForPodSpecAndMeta`. */
export function podTemplateWarnings(template: PodTemplateSpec | undefined, path: string): readonly string[] {
  return template?.spec === undefined ? [] : podSpecWarnings(template.spec, `${path}.spec`);
}

export function podSpecWarnings(spec: PodSpec, path: string): readonly string[] {
  const warnings: string[] = [];
  for (const [position, constraint] of listOf(spec.topologySpreadConstraints).entries()) {
    if (constraint.labelSelector !== undefined) continue;
    const at = `${path}.topologySpreadConstraints[${position}].labelSelector`;
    warnings.push(`${at}: a null labelSelector results in matching no pod`);
  }
  addRepeated(listOf(spec.hostAliases), `${path}.hostAliases`, 'ip', warnings);
  addRepeated(listOf(spec.imagePullSecrets), `${path}.imagePullSecrets`, 'name', warnings);
  for (const [position, { name }] of listOf(spec.imagePullSecrets).entries()) {
    if ((name ?? '') === '') warnings.push(`${path}.imagePullSecrets[${position}].name: invalid empty name ""`);
  }
  addForContainers(listOf(spec.initContainers), `${path}.initContainers`, warnings);
  addForContainers(listOf(spec.containers), `${path}.containers`, warnings);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    warnings.push(
      `${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  }
  return warnings;
}

function addRepeated<K extends string>(
  list: readonly { readonly [key in K]?: string | undefined }[],
  path: string,
  key: K,
  warnings: string[],
): void {
  if (list.length < 2) return;
  const seen = new Set<string>();
  for (const [position, entry] of list.entries()) {
    const value = entry[key] ?? '';
    if (seen.has(value)) warnings.push(`${path}[${position}].${key}: duplicate ${key} ${JSON.stringify(value)}`);
    seen.add(value);
  }
}

function addForContainers(containers: readonly Container[], path: string, warnings: string[]): void {
  for (const [position, container] of containers.entries()) {
    const at = `${path}[${position}]`;
    if (container.resources !== undefined) addFractionalBytes(container, at, warnings);
    addHiddenVariables(container, at, warnings);
  }
}

function addFractionalBytes(container: Container, path: string, warnings: string[]): void {
  for (const list of ['limits', 'requests'] as const) {
    for (const name of ['memory', 'ephemeral-storage']) {
      const text = container.resources?.[list]?.[name];
      if (text === undefined || (quantityOf(text) ?? 0n) % unitNanos === 0n) continue;
      const at = `${path}.resources.${list}[${name}]`;
      warnings.push(`${at}: fractional byte value ${JSON.stringify(text)} is invalid, must be an integer`);
    }
  }
}

/** A second definition is fine only where it builds on the first (`X=$(X)more`). */
function addHiddenVariables(container: Container, path: string, warnings: string[]): void {
  const variables = listOf(container.env);
  if (variables.length < 2) return;
  const seen = new Set<string>();
  for (const [position, { name, value = '', valueFrom }] of variables.entries()) {
    const reference = `$(${name})`;
    const hides = valueFrom !== undefined || value === reference || !value.includes(reference);
    if (seen.has(name) && hides) {
      const text = `hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`;
      warnings.push(`${path}.env[${position}]: ${text}`);
    }
    seen.add(name);
  }
}
