import { dns1123SubdomainErrors, resources } from '../../api/index.ts';
import type { FieldError, Secret } from '../../api/index.ts';
import { base64Bytes, configKeyErrors, dataLimitBytes } from './config-keys.ts';
import { defineKind } from './define-kind.ts';
import { child, keyed, Problems, rootPath } from './field-path.ts';
import { age, ageColumn, column, nameColumn } from './table-columns.ts';
import { checkImmutable, isUnset, semanticallyEqual } from './value-rules.ts';

const immutableText = 'field is immutable when `immutable` is set';
const dataPath = rootPath('data');

/** `stringData` is write-only: it is folded into `data` and never stored. */
function setDefaults(draft: Secret): void {
  if (isUnset(draft.type)) draft.type = 'Opaque';
  if (draft.stringData === undefined) return;
  const data: Record<string, string> = { ...draft.data };
  for (const [key, text] of Object.entries(draft.stringData)) data[key] = Buffer.from(text, 'utf8').toString('base64');
  if (Object.keys(data).length > 0) draft.data = data;
  delete draft.stringData;
}

/** Upstream: core validation `ValidateSecret`. */
function validate(object: Secret): readonly FieldError[] {
  const problems = new Problems();
  let totalBytes = 0;
  for (const [key, value] of Object.entries(object.data ?? {})) {
    const errors = configKeyErrors(key);
    if (errors.length > 0) problems.allInvalid(keyed(dataPath, key), key, errors);
    totalBytes += base64Bytes(value);
  }
  if (totalBytes > dataLimitBytes) problems.tooLong(dataPath, dataLimitBytes);
  checkType(object, problems);
  return problems.errors;
}

/** Keys that a type promises its readers. */
const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

function checkType(object: Secret, problems: Problems): void {
  const type = object.type ?? '';
  if (type === 'kubernetes.io/service-account-token') {
    const name = 'kubernetes.io/service-account.name';
    const path = keyed(child(rootPath('metadata'), 'annotations'), name);
    if (isUnset(object.metadata.annotations?.[name])) problems.required(path);
  }
  if (type === 'kubernetes.io/basic-auth') {
    const data = object.data ?? {};
    if (data.username === undefined && data.password === undefined) {
      problems.required(keyed(dataPath, 'username'));
      problems.required(keyed(dataPath, 'password'));
    }
  }
  for (const key of requiredKeys[type] ?? []) checkRequiredKey(object, key, problems);
}

function checkRequiredKey(object: Secret, key: string, problems: Problems): void {
  const value = object.data?.[key];
  if (value === undefined || (key === 'ssh-privatekey' && value === '')) {
    problems.required(keyed(dataPath, key));
    return;
  }
  if (!key.startsWith('.docker')) return;
  const text = Buffer.from(value, 'base64').toString('utf8');
  const message = jsonError(text);
  // The value itself is a secret and is not repeated.
  if (message !== undefined) problems.invalid(keyed(dataPath, key), '<secret contents redacted>', message);
}

function jsonError(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isMap ? undefined : 'json: cannot unmarshal into Go value of type map[string]interface {}';
  } catch {
    // The parser's own message would quote the secret.
    return text === '' ? 'unexpected end of JSON input' : 'invalid character in JSON text';
  }
}

function validateUpdate(next: Secret, old: Secret): readonly FieldError[] {
  const problems = new Problems();
  checkImmutable(next.type, old.type, rootPath('type'), problems);
  if (old.immutable === true) {
    if (next.immutable !== true) problems.forbidden(rootPath('immutable'), immutableText);
    if (!semanticallyEqual(next.data ?? {}, old.data ?? {})) problems.forbidden(dataPath, immutableText);
  }
  return problems.errors;
}

export const secret = defineKind<Secret>({
  resource: resources.secrets,
  singular: 'secret',
  hasStatus: false,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  setDefaults,
  validate,
  validateUpdate,
  fieldLabels: { type: (object) => object.type ?? '' },
  table: {
    columns: [
      nameColumn,
      column('Type', 'What the entries are for.'),
      column('Data', 'Number of entries.', 'integer'),
      ageColumn,
    ],
    cells: (object, nowMs) => [
      object.metadata.name,
      object.type ?? '',
      Object.keys(object.data ?? {}).length,
      age(object, nowMs),
    ],
  },
});
