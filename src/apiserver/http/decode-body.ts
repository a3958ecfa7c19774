import {
  ApiError,
  badRequest,
  decodeObject,
  decodeProtobuf,
  failure,
  findDuplicateFields,
  parseYamlDocuments,
} from '../../api/index.ts';
import { parseMediaType } from './accept.ts';
import type { FieldValidation } from './query.ts';

export type BodyFormat = 'json' | 'yaml' | 'protobuf';

const formats: Readonly<Record<string, BodyFormat>> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/vnd.kubernetes.protobuf': 'protobuf',
};

/** The format of a body; without a Content-Type it is JSON. @throws ApiError 415 */
export function bodyFormatOf(contentType: string | undefined): BodyFormat {
  if (contentType === undefined || contentType === '') return 'json';
  const format = formats[contentType] ?? formats[parseMediaType(contentType).type];
  if (format === undefined) throw unsupportedMediaType(Object.keys(formats));
  return format;
}

/** 415, with upstream's text. */
export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return failure({ code: 415, reason: 'UnsupportedMediaType', message });
}

/** What a body must hold. */
export interface Expected {
  readonly kind: string;
  /** These may be named in the body; the first one also stands for none. */
  readonly apiVersions: readonly string[];
  /** The message in the field table. */
  readonly message: string;
}

export interface BodyOptions {
  readonly contentType: string | undefined;
  readonly fieldValidation: FieldValidation;
  readonly warn: (text: string) => void;
}

/**
 * Decodes a body into an object of the expected kind, with the right JSON types and no unknown fields. apiVersion and
 * kind may be left out. Unknown and duplicate fields are refused, warned of or ignored, as the client asked.
 * @throws ApiError 400, 415
 */
export function decodeBody(body: Buffer, expected: Expected, options: BodyOptions): Record<string, unknown> {
  const parsed = parseBody(body, expected, options);
  checkType(parsed.value, expected);
  if (parsed.typed) return { ...parsed.value, apiVersion: expected.apiVersions[0], kind: expected.kind };
  const { apiVersion: _version, kind: _kind, ...value } = parsed.value;
  const decoded = inContext(expected, () => decodeObject(value, expected.message));
  const faults = [
    ...decoded.unknownFields.map((field) => `unknown field ${JSON.stringify(field)}`),
    ...parsed.duplicateFields.map((field) => `duplicate field ${JSON.stringify(field)}`),
  ];
  applyFieldValidation(faults, expected, options);
  return { apiVersion: expected.apiVersions[0], kind: expected.kind, ...decoded.object };
}

/** Refuses, warns of or ignores unknown and duplicate fields. @throws ApiError 400 */
function applyFieldValidation(
  faults: readonly string[],
  expected: Expected,
  options: Pick<BodyOptions, 'fieldValidation' | 'warn'>,
): void {
  if (faults.length === 0 || options.fieldValidation === 'Ignore') return;
  if (options.fieldValidation === 'Strict') throw cannotHandle(expected, `strict decoding error: ${faults.join(', ')}`);
  for (const fault of faults) options.warn(fault);
}

interface ParsedBody {
  readonly value: Record<string, unknown>;
  readonly duplicateFields: readonly string[];
  /** Came from protobuf: the types are right and nothing is unknown. */
  readonly typed: boolean;
}

function parseBody(body: Buffer, expected: Expected, options: BodyOptions): ParsedBody {
  const format = bodyFormatOf(options.contentType);
  switch (format) {
    case 'protobuf': {
      const { apiVersion, kind, object } = decodeProtobuf(body);
      return { value: { ...object, apiVersion, kind }, duplicateFields: [], typed: true };
    }
    case 'json': {
      const text = body.toString();
      const value = asObject(parseJson(text, expected), expected);
      const duplicateFields = options.fieldValidation === 'Ignore' ? [] : findDuplicateFields(text);
      return { value, duplicateFields, typed: false };
    }
    case 'yaml': {
      const { documents, duplicateFields } = parseYamlDocuments(body.toString());
      if (documents.length !== 1)
        throw unrecognized(expected, `yaml: expected one document, found ${documents.length}`);
      return { value: asObject(documents[0], expected), duplicateFields, typed: false };
    }
  }
}

function parseJson(text: string, expected: Expected): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) throw unrecognized(expected, `json parse error: ${error.message}`);
    throw error;
  }
}

function asObject(value: unknown, expected: Expected): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  const found = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
  throw unrecognized(expected, `json: cannot unmarshal ${found} into an object`);
}

function checkType(value: Record<string, unknown>, expected: Expected): void {
  const { apiVersion, kind } = value;
  const wanted = expected.apiVersions[0] as string;
  for (const text of [apiVersion, kind]) {
    if (text === undefined || text === null || typeof text === 'string') continue;
    throw unrecognized(expected, 'json: apiVersion and kind must be strings');
  }
  if (typeof kind === 'string' && kind !== '' && kind !== expected.kind) {
    const version = typeof apiVersion === 'string' && apiVersion !== '' ? apiVersion : wanted;
    const shortVersion = version.slice(version.indexOf('/') + 1);
    throw badRequest(
      `${kind} in version "${shortVersion}" cannot be handled as a ${expected.kind}: the kind in the data (${kind}) does not match the expected kind (${expected.kind})`,
    );
  }
  if (typeof apiVersion === 'string' && apiVersion !== '' && !expected.apiVersions.includes(apiVersion)) {
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${wanted})`);
  }
}

function unrecognized(expected: Expected, detail: string): ApiError {
  return badRequest(
    `the object provided is unrecognized (must be of type ${expected.kind}): couldn't get version/kind; ${detail}`,
  );
}

/** Names the kind and version in front of a decoder's message, as upstream does. */
function inContext<T>(expected: Expected, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof ApiError && error.code === 400) throw cannotHandle(expected, error.message);
    throw error;
  }
}

function cannotHandle(expected: Expected, detail: string): ApiError {
  const apiVersion = expected.apiVersions[0] as string;
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
  return badRequest(`${expected.kind} in version "${version}" cannot be handled as a ${expected.kind}: ${detail}`);
}
