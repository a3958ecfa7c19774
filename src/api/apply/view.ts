import type { ShapedField } from './shape.ts';

/**
 * How absent and empty members are seen. `written`: as the JSON is. `asStructs`: as Go's structs would show it, which
 * have some zero values always and leave others out; that is what upstream compares, and so what decides who owns what.
 */
export type View = (field: ShapedField, value: unknown) => unknown;

export const written: View = (_field, value) => value;

export const asStructs: View = (field, value) => {
  if (value === undefined || value === null) return field.zero;
  return field.omitsEmpty && isEmpty(value) ? undefined : value;
};

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object') return value === '' || value === 0 || value === false;
  for (const _ in value) return false;
  return true;
}

export type Json = Readonly<Record<string, unknown>>;

/** A JSON object; null, which stands for an empty one, is not. */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
