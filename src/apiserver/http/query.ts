import { parse, type ParsedUrlQuery } from 'node:querystring';
import { badRequest, fieldError, invalid, type FieldError } from '../../api/index.ts';
import type { ListQuery, WatchQuery } from '../operations.ts';

/** The parameters of a URL. A parameter that is given twice counts with its first value. */
export type Query = Readonly<ParsedUrlQuery>;

const none: Query = Object.freeze({});

/** Parses what stands behind the question mark. */
export function parseQuery(text: string): Query {
  return text === '' ? none : parse(text);
}

/** One value, or undefined if absent or empty. */
export function textOf(query: Query, key: string): string | undefined {
  const value = query[key];
  const first = Array.isArray(value) ? value[0] : value;
  return first === '' ? undefined : first;
}

/** Like upstream: present and neither `0` nor `false` is true, even with an empty value. */
export function flagOf(query: Query, key: string): boolean | undefined {
  const value = query[key];
  const first = Array.isArray(value) ? value[0] : value;
  if (first === undefined) return undefined;
  return first !== '0' && first.toLowerCase() !== 'false';
}

/** A decimal integer. @throws ApiError 400 */
export function integerOf(query: Query, key: string): number | undefined {
  const text = textOf(query, key);
  if (text === undefined) return undefined;
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** Keeps only what is there: absent and undefined differ under exactOptionalPropertyTypes. */
function definedOf<T extends object>(values: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

export function listQueryOf(query: Query): ListQuery {
  return definedOf<ListQuery>({
    labelSelector: textOf(query, 'labelSelector'),
    fieldSelector: textOf(query, 'fieldSelector'),
    limit: integerOf(query, 'limit'),
    continue: textOf(query, 'continue'),
    resourceVersion: textOf(query, 'resourceVersion'),
    resourceVersionMatch: textOf(query, 'resourceVersionMatch'),
  });
}

/** @throws ApiError 422 for sendInitialEvents on a list */
export function checkedListQueryOf(query: Query): ListQuery {
  if (flagOf(query, 'sendInitialEvents') !== undefined) {
    throw invalidOptions('ListOptions', [
      fieldError.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'),
    ]);
  }
  return listQueryOf(query);
}

export function watchQueryOf(query: Query): WatchQuery {
  return definedOf<WatchQuery>({
    labelSelector: textOf(query, 'labelSelector'),
    fieldSelector: textOf(query, 'fieldSelector'),
    resourceVersion: textOf(query, 'resourceVersion'),
    resourceVersionMatch: textOf(query, 'resourceVersionMatch'),
    allowWatchBookmarks: flagOf(query, 'allowWatchBookmarks'),
    sendInitialEvents: flagOf(query, 'sendInitialEvents'),
  });
}

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface WriteQuery {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
}

/** Of a patch: whether it takes what other field managers own, which only an apply does. */
export interface PatchQuery extends WriteQuery {
  readonly force: boolean;
}

/** The options of a patch. @throws ApiError 422 for values that are unknown, or not for this type of patch */
export function patchQueryOf(query: Query, userAgent: string | undefined, isApply: boolean): PatchQuery {
  const force = flagOf(query, 'force');
  const errors: FieldError[] = [];
  if (isApply && textOf(query, 'fieldManager') === undefined)
    errors.push(fieldError.required('fieldManager', 'is required for apply patch'));
  if (!isApply && force !== undefined)
    errors.push(fieldError.forbidden('force', 'may not be specified for non-apply patch'));
  if (errors.length > 0) throw invalidOptions('PatchOptions', errors);
  return { ...writeQueryOf(query, 'PatchOptions', userAgent), force: force ?? false };
}

/**
 * The options of a write. `kind` names them in errors (CreateOptions, …).
 * @throws ApiError 422 for values that are unknown
 */
export function writeQueryOf(query: Query, kind: string, userAgent: string | undefined): WriteQuery {
  const validation = textOf(query, 'fieldValidation') ?? 'Warn';
  const manager = textOf(query, 'fieldManager');
  const errors = dryRunErrors(allOf(query, 'dryRun'));
  if (validation !== 'Strict' && validation !== 'Warn' && validation !== 'Ignore') {
    errors.push(fieldError.notSupported('fieldValidation', validation, ['', 'Ignore', 'Strict', 'Warn']));
  }
  if (manager !== undefined) errors.push(...fieldManagerErrors(manager));
  if (errors.length > 0) throw invalidOptions(kind, errors);
  return {
    dryRun: query['dryRun'] !== undefined && query['dryRun'] !== '',
    fieldManager: manager ?? (userAgent ?? 'unknown').split('/', 1)[0]?.slice(0, maxManagerLength) ?? '',
    fieldValidation: validation as FieldValidation,
  };
}

/** 422 about the options of a request, as upstream words it. */
export function invalidOptions(kind: string, errors: readonly FieldError[]): Error {
  return invalid({ group: 'meta.k8s.io', kind }, '', errors);
}

export function dryRunErrors(values: readonly string[]): FieldError[] {
  return values.every((value) => value === 'All') ? [] : [fieldError.notSupported('dryRun', values.join(','), ['All'])];
}

/** Every value of a parameter, without empty ones. */
export function allOf(query: Query, key: string): readonly string[] {
  const value = query[key];
  const values = value === undefined ? [] : [value].flat();
  return values.filter((one) => one !== '');
}

const maxManagerLength = 128;

function fieldManagerErrors(manager: string): FieldError[] {
  const errors: FieldError[] = [];
  if (Buffer.byteLength(manager) > maxManagerLength) errors.push(fieldError.tooLong('fieldManager', maxManagerLength));
  if (/\p{C}/u.test(manager)) {
    errors.push(fieldError.invalid('fieldManager', manager, 'should only contain printable characters'));
  }
  return errors;
}
