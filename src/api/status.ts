import type { FieldError } from './field-error.ts';
import type { Resource } from './resource.ts';
import { qualifiedName } from './resource.ts';

export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** The plural resource for most reasons, the Kind for Invalid. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** meta/v1 Status. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: { readonly continue?: string; readonly resourceVersion?: string };
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/**
 * The one error of the API: carries the Status that the client sees. An answer to the client's own doing (below 500) has no
 * stack: controllers get thousands of "not found" in their daily work, and each stack costs more than the look-up.
 */
export class ApiError extends Error {
  readonly status: Status;
  constructor(status: Status, options?: ErrorOptions) {
    const { stackTraceLimit } = Error;
    if ((status.code ?? 500) < 500) Error.stackTraceLimit = 0;
    super(status.message ?? status.reason ?? 'failure', options);
    Error.stackTraceLimit = stackTraceLimit;
    this.status = status;
  }
  get code(): number {
    return this.status.code ?? 500;
  }
  get reason(): string {
    return this.status.reason ?? '';
  }
}

interface FailureOptions {
  readonly code: number;
  /** Empty: none, as upstream answers what it has no name for. */
  readonly reason: string;
  readonly message: string;
  readonly details?: StatusDetails;
  readonly continueToken?: string;
  readonly cause?: unknown;
}

export function failure(options: FailureOptions): ApiError {
  return new ApiError(
    {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: options.continueToken === undefined ? {} : { continue: options.continueToken },
      status: 'Failure',
      message: options.message,
      ...(options.reason === '' ? {} : { reason: options.reason }),
      ...(options.details === undefined ? {} : { details: options.details }),
      code: options.code,
    },
    options.cause === undefined ? undefined : { cause: options.cause },
  );
}

type Named = Pick<Resource, 'group' | 'resource'>;

function about(of: Named, name: string): StatusDetails {
  return { name, ...(of.group === '' ? {} : { group: of.group }), kind: of.resource };
}

export function notFound(of: Named, name: string): ApiError {
  const message = `${qualifiedName(of)} "${name}" not found`;
  return failure({ code: 404, reason: 'NotFound', message, details: about(of, name) });
}

export function alreadyExists(of: Named, name: string): ApiError {
  const message = `${qualifiedName(of)} "${name}" already exists`;
  return failure({ code: 409, reason: 'AlreadyExists', message, details: about(of, name) });
}

/** `detail` absent: the resource version did not match. */
export function conflict(
  of: Named,
  name: string,
  detail = 'the object has been modified; please apply your changes to the latest version and try again',
): ApiError {
  const message = `Operation cannot be fulfilled on ${qualifiedName(of)} "${name}": ${detail}`;
  return failure({ code: 409, reason: 'Conflict', message, details: about(of, name) });
}

/** 422 with one cause per field error, all at once. */
export function invalid(of: Pick<Resource, 'group' | 'kind'>, name: string, errors: readonly FieldError[]): ApiError {
  const texts = errors.map((error) => `${error.field}: ${error.message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return failure({
    code: 422,
    reason: 'Invalid',
    message: `${of.kind}${of.group === '' ? '' : `.${of.group}`} "${name}" is invalid: ${list}`,
    details: {
      ...(name === '' ? {} : { name }),
      ...(of.group === '' ? {} : { group: of.group }),
      ...(of.kind === '' ? {} : { kind: of.kind }),
      causes: errors.map(({ reason, message, field }) => ({ reason, message, field })),
    },
  });
}

export function badRequest(message: string): ApiError {
  return failure({ code: 400, reason: 'BadRequest', message });
}

export function forbidden(of: Named, name: string, detail: string, causes?: readonly StatusCause[]): ApiError {
  const message = `${qualifiedName(of)}${name === '' ? '' : ` "${name}"`} is forbidden: ${detail}`;
  return failure({
    code: 403,
    reason: 'Forbidden',
    message,
    details: { ...about(of, name), ...(causes === undefined ? {} : { causes }) },
  });
}

/** 410: the resource version or continue token is too old. */
export function expired(message: string, continueToken?: string): ApiError {
  return failure({
    code: 410,
    reason: 'Expired',
    message,
    ...(continueToken === undefined ? {} : { continueToken }),
  });
}

export function internalError(cause: unknown): ApiError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return failure({
    code: 500,
    reason: 'InternalError',
    message: `Internal error occurred: ${text}`,
    details: { causes: [{ reason: 'InternalError', message: text }] },
    cause,
  });
}

function hasReason(error: unknown, ...reasons: string[]): boolean {
  return error instanceof ApiError && reasons.includes(error.reason);
}

export const isNotFound = (error: unknown): boolean => hasReason(error, 'NotFound');
export const isAlreadyExists = (error: unknown): boolean => hasReason(error, 'AlreadyExists');
export const isConflict = (error: unknown): boolean => hasReason(error, 'Conflict');
export const isInvalid = (error: unknown): boolean => hasReason(error, 'Invalid');
export const isForbidden = (error: unknown): boolean => hasReason(error, 'Forbidden');
export const isExpired = (error: unknown): boolean => hasReason(error, 'Expired', 'Gone');
/** Creating in a namespace that is being deleted. */
export const isNamespaceTerminating = (error: unknown): boolean =>
  error instanceof ApiError &&
  (error.status.details?.causes ?? []).some((cause) => cause.reason === 'NamespaceTerminating');
