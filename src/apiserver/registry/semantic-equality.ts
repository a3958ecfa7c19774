/**
 * Whether two pieces of JSON data mean the same: absent, null and the empty list are equal (apimachinery's
 * `equality.Semantic`); the empty map is not, because `emptyDir: {}` says something. Identical references cost nothing,
 * so comparing a copy-on-write successor only visits what was written anew.
 */
export function semanticallyEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === undefined || a === null) return isNothing(b);
  if (b === undefined || b === null) return isNothing(a);
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a)) return Array.isArray(b) && equalLists(a, b);
  return !Array.isArray(b) && equalMaps(a as Record<string, unknown>, b as Record<string, unknown>);
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

function equalLists(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!semanticallyEqual(a[i], b[i])) return false;
  return true;
}

function equalMaps(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  for (const key in a) if (!semanticallyEqual(a[key], b[key])) return false;
  for (const key in b) if (!(key in a) && !isNothing(b[key])) return false;
  return true;
}
