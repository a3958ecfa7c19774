/**
 * A deep copy of plain JSON data that may be modified freely. For drafts whose owner keeps them, and for parts of
 * frozen objects that defaulting is going to fill in. About twice as fast as parsing the text again.
 */
export function mutableCopy<T>(value: T): T {
  return copyWith(value, mutableCopy);
}

/**
 * A copy of a draft whose frozen parts are shared: defaulting fills in copy-on-write. So the thousandth Job of one
 * template has the very Pod spec of the first, which was found valid then.
 */
export function draftCopy<T>(value: T): T {
  return Object.isFrozen(value) ? value : copyWith(value, draftCopy);
}

function copyWith<T>(value: T, copyPart: (part: unknown) => unknown): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    for (let i = 0; i < value.length; i++) list.push(copyPart(value[i]));
    return list as T;
  }
  const copy: Record<string, unknown> = {};
  for (const key in value) copy[key] = copyPart(value[key]);
  return copy as T;
}

/**
 * The same data, deep-frozen, without freezing what the caller holds: frozen parts are shared, others copied.
 */
export function frozenCopy<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (Array.isArray(value)) return Object.freeze(value.map((item: unknown) => frozenCopy(item))) as T;
  const copy: Record<string, unknown> = {};
  for (const key in value) copy[key] = frozenCopy<unknown>(value[key]);
  return Object.freeze(copy) as T;
}
