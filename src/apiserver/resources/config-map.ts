import { dns1123SubdomainErrors, resources } from '../../api/index.ts';
import type { ConfigMap, FieldError } from '../../api/index.ts';
import { base64Bytes, configKeyErrors, dataLimitBytes } from './config-keys.ts';
import { defineKind } from './define-kind.ts';
import { keyed, Problems, rootPath } from './field-path.ts';
import { age, ageColumn, column, nameColumn } from './table-columns.ts';
import { semanticallyEqual } from './value-rules.ts';

const immutableText = 'field is immutable when `immutable` is set';

/** Upstream: core validation `ValidateConfigMap`. */
function validate(object: ConfigMap): readonly FieldError[] {
  const problems = new Problems();
  const data = object.data ?? {};
  const binaryData = object.binaryData ?? {};
  let totalBytes = 0;
  for (const [key, value] of Object.entries(data)) {
    checkKey('data', key, problems);
    if (key in binaryData) problems.invalid(keyOf('data', key), key, 'duplicate of key present in binaryData');
    totalBytes += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    checkKey('binaryData', key, problems);
    totalBytes += base64Bytes(value);
  }
  // Upstream reports the size on the empty path: the whole object is meant.
  if (totalBytes > dataLimitBytes) problems.tooLong(rootPath(''), dataLimitBytes);
  return problems.errors;
}

function checkKey(field: string, key: string, problems: Problems): void {
  const errors = configKeyErrors(key);
  if (errors.length > 0) problems.allInvalid(keyOf(field, key), key, errors);
}

function keyOf(field: string, key: string): ReturnType<typeof keyed> {
  return keyed(rootPath(field), key);
}

function validateUpdate(next: ConfigMap, old: ConfigMap): readonly FieldError[] {
  if (old.immutable !== true) return [];
  const problems = new Problems();
  if (next.immutable !== true) problems.forbidden(rootPath('immutable'), immutableText);
  for (const field of ['data', 'binaryData'] as const) {
    if (!semanticallyEqual(next[field] ?? {}, old[field] ?? {})) problems.forbidden(rootPath(field), immutableText);
  }
  return problems.errors;
}

export const configMap = defineKind<ConfigMap>({
  resource: resources.configMaps,
  singular: 'configmap',
  shortNames: ['cm'],
  hasStatus: false,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: dns1123SubdomainErrors,
  validate,
  validateUpdate,
  table: {
    columns: [nameColumn, column('Data', 'Number of entries.'), ageColumn],
    cells: (object, nowMs) => [
      object.metadata.name,
      Object.keys(object.data ?? {}).length + Object.keys(object.binaryData ?? {}).length,
      age(object, nowMs),
    ],
  },
});
