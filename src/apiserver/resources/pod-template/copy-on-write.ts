/**
 * Defaults are filled in copy-on-write: drafts may share frozen parts with cached objects (a Pod with its Job's
 * template), and what is complete already is passed on as it is, so that defaulting twice costs nearly nothing.
 */

/** The same object if it has all these values already, else a copy that has them. */
export function withFields<T extends object>(object: T, fields: Partial<T>): T {
  let result = object;
  for (const key in fields) {
    const value = fields[key];
    if (value === undefined || value === object[key]) continue;
    if (result === object) result = { ...object };
    result[key] = value as T[typeof key];
  }
  return result;
}

/** The same list if `change` changes nothing. */
export function mapList<T>(list: readonly T[] | undefined, change: (value: T) => T): readonly T[] | undefined {
  if (list === undefined || list === null) return list;
  let result: T[] | undefined;
  for (let position = 0; position < list.length; position++) {
    const old = list[position] as T;
    const next = change(old);
    if (next === old) continue;
    result ??= [...list];
    result[position] = next;
  }
  return result ?? list;
}

/** Applies `change` to what is there. */
export function mapPart<T>(part: T | undefined, change: (value: T) => T): T | undefined {
  return part === undefined || part === null ? part : change(part);
}
