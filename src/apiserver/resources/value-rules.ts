import { child } from './field-path.ts';
import type { Path, Problems } from './field-path.ts';

/** Upstream: apimachinery `ValidateNonnegativeField`. Absent is fine. */
export function checkNotNegative(value: number | undefined, path: Path, problems: Problems): void {
  if (value !== undefined && value < 0) problems.invalid(path, value, 'must be greater than or equal to 0');
}

/** Like `checkNotNegative` for a field of `parent`; makes the path only when it is needed. */
export function checkFieldNotNegative(value: number | undefined, parent: Path, name: string, problems: Problems): void {
  if (value !== undefined && value < 0) checkNotNegative(value, child(parent, name), problems);
}

/**
 * Whether two values mean the same to Kubernetes: absent equals null, an empty list and an empty map (apimachinery
 * `Semantic.DeepEqual`), keys in any order.
 */
export function semanticallyEqual(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (isNothing(left) || isNothing(right)) return isNothing(left) && isNothing(right);
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
    return left.every((value, position) => semanticallyEqual(value, right[position]));
  }
  return mapsEqual(left as Record<string, unknown>, right as Record<string, unknown>);
}

function mapsEqual(left: Readonly<Record<string, unknown>>, right: Readonly<Record<string, unknown>>): boolean {
  for (const key in left) if (!semanticallyEqual(left[key], right[key])) return false;
  for (const key in right) if (!(key in left) && !isNothing(right[key])) return false;
  return true;
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

/** Upstream: apimachinery `ValidateImmutableField`. */
export function checkImmutable(next: unknown, old: unknown, path: Path, problems: Problems): void {
  if (!semanticallyEqual(next, old)) problems.invalid(path, next, 'field is immutable');
}

/** Whether a value is absent as Go sees it: null, or the empty text. */
export function isUnset(value: string | undefined): value is undefined | '' {
  return value === undefined || value === null || value === '';
}

/** A list as it is, or the empty one. */
export function listOf<T>(list: readonly T[] | undefined): readonly T[] {
  return list ?? [];
}

/** `["A" "B"]`: how upstream's texts print a list of texts. */
export function quotedList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
}
