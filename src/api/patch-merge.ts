import { checkDepth } from './depth.ts';

type Json = Record<string, unknown>;

/**
 * Applies an RFC 7396 merge patch. Neither argument is modified; untouched parts of the original are shared with the
 * result, which is the original itself when nothing changes.
 * @throws ApiError 400 for a patch that is nested too deep
 */
export function mergePatch(original: object, patch: object): Json {
  checkDepth(patch);
  return merge(original as Json, patch as Json);
}

function merge(original: Json, patch: Json): Json {
  let result: Json | undefined;
  const change = (): Json => (result ??= { ...original });
  for (const [key, value] of Object.entries(patch)) {
    const had = Object.hasOwn(original, key);
    if (value === null) {
      if (had) delete change()[key];
      continue;
    }
    const before = had ? original[key] : undefined;
    const after = isMap(value) ? merge(isMap(before) ? before : {}, value) : value;
    if (after !== before || !had) setKey(change(), key, after);
  }
  return result ?? original;
}

/** Sets a key of a client's choice: `__proto__` is one like any other. */
export function setKey(map: Json, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  else map[key] = value;
}

/** A JSON object: not a list, not null. */
export function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
