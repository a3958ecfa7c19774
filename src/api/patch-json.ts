import { checkDepth } from './depth.ts';
import { isMap, setKey } from './patch-merge.ts';
import { failure } from './status.ts';

/** Longest accepted list of operations (apiserver `maxJSONPatchOperations`). */
const maxOperations = 10_000;

/** What all copy operations together may add, as JSON text (apiserver `AccumulatedCopySizeLimit`, the body's limit). */
const maxCopiedLength = 3 * 1024 * 1024;

/** Longest accepted path: deeper is no object. */
const maxSteps = 1000;

/** One operation of RFC 6902 as a client sends it: not to be trusted. */
type Operation = Readonly<Record<string, unknown>>;

/**
 * Applies an RFC 6902 patch. Neither argument is modified; untouched parts are shared.
 * @throws ApiError 400 for malformed operations, 413 for too many, 422 when a path is missing or a test fails
 */
export function jsonPatch(original: object, operations: readonly Operation[]): Record<string, unknown> {
  if (!Array.isArray(operations)) throw malformed('the patch must be a list of operations');
  if (operations.length > maxOperations)
    throw failure({
      code: 413,
      reason: 'RequestEntityTooLarge',
      message: `The allowed maximum operations in a JSON patch is ${maxOperations}, got ${operations.length}`,
    });
  checkDepth(operations);
  const run: Run = { owned: new Set(), copiedLength: 0, nests: false };
  let document: unknown = original;
  for (const operation of operations) document = applyOperation(document, operation, run);
  if (!isMap(document)) throw unprocessable('the patch leaves no object');
  if (run.nests) checkDepth(document);
  return document;
}

interface Run {
  /**
   * Maps and lists that this patch has made and that stand in one place only: they are changed in place, because a copy
   * per operation would take seconds for thousands of operations on one large map.
   */
  readonly owned: Set<object>;
  copiedLength: number;
  /** Something was moved or copied, maybe far down. */
  nests: boolean;
}

function applyOperation(document: unknown, operation: Operation, run: Run): unknown {
  if (!isMap(operation)) throw malformed(`an operation must be an object, got ${JSON.stringify(operation)}`);
  const path = pointer(operation['path'], 'path');
  switch (operation['op']) {
    case 'add':
      return edit(document, path, { run, type: 'add', value: valueOf(operation) });
    case 'replace':
      return edit(document, path, { run, type: 'replace', value: valueOf(operation) });
    case 'remove':
      return edit(document, path, { run, type: 'remove' });
    case 'move': {
      const from = pointer(operation['from'], 'from');
      const value = read(document, from);
      run.nests = true;
      return edit(edit(document, from, { run, type: 'remove' }), path, { run, type: 'add', value });
    }
    case 'copy':
      return edit(document, path, { run, type: 'add', value: copied(document, operation, run) });
    case 'test':
      if (!equal(read(document, path), operation['value'] ?? null))
        throw unprocessable(`testing value ${String(operation['path'])} failed`);
      return document;
    default:
      throw malformed(`unexpected kind: ${JSON.stringify(operation['op'])}`);
  }
}

/** A copy that shares nothing: what is owned must stand in one place only. */
function copied(document: unknown, operation: Operation, run: Run): unknown {
  const value = read(document, pointer(operation['from'], 'from'));
  checkDepth(value);
  const text = JSON.stringify(value);
  run.copiedLength += text.length;
  run.nests = true;
  if (run.copiedLength > maxCopiedLength)
    throw unprocessable(
      `Unable to complete the copy, the accumulated size increase of copy is ${run.copiedLength}, exceeding the limit ${maxCopiedLength}`,
    );
  return JSON.parse(text) as unknown;
}

type Edit = { readonly run: Run } & (
  { readonly type: 'add' | 'replace'; readonly value: unknown } | { readonly type: 'remove' }
);

/** The document with one place changed; copies only what lies on the way and is not owned yet. */
function edit(document: unknown, path: readonly string[], change: Edit): unknown {
  if (path.length === 0) {
    if (change.type === 'remove') throw unprocessable('the whole document cannot be removed');
    return change.value;
  }
  const [step, ...rest] = path as [string, ...string[]];
  if (Array.isArray(document)) return editList(document, { step, rest, change });
  if (!isMap(document)) throw missing(step);
  const exists = Object.hasOwn(document, step);
  // Upstream's library lets replace make a key that is missing; only its parent must be there.
  if (!exists && (rest.length > 0 || change.type === 'remove')) throw missing(step);
  if (rest.length > 0) return withKey(document, step, { run: change.run, value: edit(document[step], rest, change) });
  if (change.type !== 'remove') return withKey(document, step, change);
  const copy = ownMap(document, change.run);
  delete copy[step];
  return copy;
}

function withKey(
  map: Record<string, unknown>,
  key: string,
  { run, value }: { readonly run: Run; readonly value: unknown },
): Record<string, unknown> {
  if (Object.hasOwn(map, key) && map[key] === value) return map;
  const copy = ownMap(map, run);
  setKey(copy, key, value);
  return copy;
}

function ownMap(map: Record<string, unknown>, { owned }: Run): Record<string, unknown> {
  if (owned.has(map)) return map;
  const copy = { ...map };
  owned.add(copy);
  return copy;
}

function ownList(list: unknown[], { owned }: Run): unknown[] {
  if (owned.has(list)) return list;
  const copy = [...list];
  owned.add(copy);
  return copy;
}

function editList(
  before: unknown[],
  at: { readonly step: string; readonly rest: readonly string[]; readonly change: Edit },
): unknown[] {
  const { step, rest, change } = at;
  const adds = rest.length === 0 && change.type === 'add';
  const index = listIndex(step, adds ? before.length : before.length - 1, before.length);
  const inner = rest.length > 0 ? edit(before[index], rest, change) : undefined;
  const list = ownList(before, change.run);
  if (rest.length > 0) list[index] = inner;
  else if (change.type === 'add') list.splice(index, 0, change.value);
  else if (change.type === 'replace') list[index] = change.value;
  else list.splice(index, 1);
  return list;
}

/** `-` means behind the last; negative indexes and leading zeros are not allowed. */
function listIndex(step: string, last: number, length: number): number {
  if (step === '-' && last === length) return length;
  if (!/^(0|[1-9]\d*)$/.test(step)) throw unprocessable(`Unable to access invalid index: ${step}`);
  const index = Number(step);
  if (index > last) throw unprocessable(`Unable to access invalid index: ${step}`);
  return index;
}

function read(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const step of path) {
    if (Array.isArray(value)) value = value[listIndex(step, value.length - 1, value.length)] as unknown;
    else if (typeof value === 'object' && value !== null && Object.hasOwn(value, step))
      value = (value as Record<string, unknown>)[step];
    else throw missing(step);
  }
  return value;
}

function pointer(text: unknown, name: string): readonly string[] {
  if (typeof text !== 'string' || (text !== '' && !text.startsWith('/')))
    throw malformed(`${name} must be a JSON pointer, got ${JSON.stringify(text)}`);
  const steps = text.split('/').slice(1);
  if (steps.length > maxSteps) throw malformed(`${name} has more than ${maxSteps} steps`);
  return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function valueOf(operation: Operation): unknown {
  if (!('value' in operation)) throw malformed(`operation ${String(operation['op'])} needs a value`);
  return operation['value'];
}

function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every(
      (key) => Object.hasOwn(b, key) && equal((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
    )
  );
}

function malformed(message: string): Error {
  return failure({ code: 400, reason: 'BadRequest', message: `error decoding patch: ${message}` });
}

function missing(step: string): Error {
  return unprocessable(`the path contains "${step}", which does not exist: Unable to find the key`);
}

/** As upstream: Invalid without details, with the patch library's complaint as the message. */
function unprocessable(message: string): Error {
  return failure({
    code: 422,
    reason: 'Invalid',
    message: `the server rejected our request due to an error in our request: ${message}`,
  });
}
