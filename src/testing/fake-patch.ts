import type { Patch } from '../client/index.ts';

type Json = Record<string, unknown>;

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Merge patches as in RFC 7396 (strategic ones too, except conditions, which merge by type) and JSON patches. */
export function applyFakePatch(original: Json, patch: Patch): Json {
  if (patch.type !== 'json') return merge(original, patch.body);
  return patch.body.reduce<Json>((object, operation) => applyOperation(object, operation), original);
}

function merge(original: Json, patch: Readonly<Json>): Json {
  const next: Json = { ...original };
  for (const [key, value] of Object.entries(patch)) {
    const old = original[key];
    if (value === null) delete next[key];
    else if (isRecord(value)) next[key] = merge(isRecord(old) ? old : {}, value);
    else if (key === 'conditions' && Array.isArray(old) && Array.isArray(value)) next[key] = mergeByType(old, value);
    else next[key] = value;
  }
  return next;
}

function mergeByType(old: readonly unknown[], patch: readonly unknown[]): unknown[] {
  const types = new Map([...old, ...patch].filter(isRecord).map((item) => [item['type'], item]));
  return [...types.values()];
}

function applyOperation(object: Json, operation: Readonly<Json>): Json {
  const path = String(operation['path']).split('/').slice(1).map(unescape);
  return change(object, path, operation) as Json;
}

const unescape = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');

function change(target: unknown, path: readonly string[], operation: Readonly<Json>): unknown {
  const [part, ...rest] = path;
  const { op, value } = operation;
  if (part === undefined) {
    if (op === 'test' && JSON.stringify(target) !== JSON.stringify(value)) throw new Error('a JSON patch test failed');
    return op === 'test' ? target : value;
  }
  if (Array.isArray(target)) {
    const index = part === '-' ? target.length : Number(part);
    if (rest.length > 0 || op === 'test' || op === 'replace')
      return target.with(index, change(target[index], rest, operation));
    return target.toSpliced(index, op === 'remove' ? 1 : 0, ...(op === 'remove' ? [] : [value]));
  }
  const next: Json = isRecord(target) ? { ...target } : {};
  if (op === 'remove' && rest.length === 0) delete next[part];
  else next[part] = change(next[part], rest, operation);
  return next;
}
