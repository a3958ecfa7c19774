/** The cause reasons of a Status with reason Invalid. */
export type FieldErrorReason =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueTypeInvalid'
  | 'InternalError';

/** One fault of one field: `spec.template.spec.containers[0].name`, and the text without the path. */
export interface FieldError {
  readonly reason: FieldErrorReason;
  readonly field: string;
  /** As upstream prints it, for instance `Invalid value: "x": must be …`. */
  readonly message: string;
}

/** Makers of field errors with upstream's texts (apimachinery `field.Error`). */
export const fieldError = {
  required: (field: string, detail = ''): FieldError => ({
    reason: 'FieldValueRequired',
    field,
    message: `Required value${suffix(detail)}`,
  }),
  invalid: (field: string, value: unknown, detail: string): FieldError => ({
    reason: 'FieldValueInvalid',
    field,
    message: `Invalid value: ${printed(value)}${suffix(detail)}`,
  }),
  notSupported: (field: string, value: unknown, supported: readonly string[]): FieldError => ({
    reason: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${printed(value)}: supported values: ${supported.map((v) => JSON.stringify(v)).join(', ')}`,
  }),
  forbidden: (field: string, detail: string): FieldError => ({
    reason: 'FieldValueForbidden',
    field,
    message: `Forbidden${suffix(detail)}`,
  }),
  duplicate: (field: string, value: unknown): FieldError => ({
    reason: 'FieldValueDuplicate',
    field,
    message: `Duplicate value: ${printed(value)}`,
  }),
  tooLong: (field: string, limitBytes: number): FieldError => ({
    reason: 'FieldValueTooLong',
    field,
    message: `Too long: may not be more than ${limitBytes} bytes`,
  }),
  tooMany: (field: string, actual: number, limit: number): FieldError => ({
    reason: 'FieldValueTooMany',
    field,
    message: `Too many: ${actual}: must have at most ${limit} items`,
  }),
  notFound: (field: string, value: unknown): FieldError => ({
    reason: 'FieldValueNotFound',
    field,
    message: `Not found: ${printed(value)}`,
  }),
  typeInvalid: (field: string, value: unknown, detail: string): FieldError => ({
    reason: 'FieldValueTypeInvalid',
    field,
    message: `Invalid value: ${printed(value)}${suffix(detail)}`,
  }),
};

function suffix(detail: string): string {
  return detail === '' ? '' : `: ${detail}`;
}

/** Strings, objects and lists as JSON, numbers and booleans bare, nothing as null. */
function printed(value: unknown): string {
  return JSON.stringify(value ?? null);
}
