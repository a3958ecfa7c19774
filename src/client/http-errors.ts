import { ApiError, failure, type Status } from '../api/index.ts';

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Gone',
  422: 'Invalid',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** The error of an answer: its Status if it is one, otherwise (proxies, other servers) one made from the code. */
export function errorFromBody(code: number, text: string): ApiError {
  const status = parseStatus(text);
  if (status !== undefined) return new ApiError({ ...status, code: status.code ?? code });
  const detail = text.trim().slice(0, 500);
  const message = detail === '' ? `the server answered with status ${code}` : detail;
  return failure({ code, reason: reasons[code] ?? (code >= 500 ? 'InternalError' : 'Unknown'), message });
}

/** An `ERROR` event of a watch. */
export function errorFromEvent(object: unknown): ApiError {
  return isStatus(object)
    ? new ApiError(object)
    : failure({ code: 500, reason: 'InternalError', message: 'the watch ended with an error that is not a Status' });
}

export function networkError(server: string, cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  const text = cause instanceof Error ? causeText(cause) : String(cause);
  return failure({ code: 503, reason: 'ServiceUnavailable', message: `cannot reach ${server}: ${text}`, cause });
}

export function timeoutError(server: string, timeoutMs: number): ApiError {
  return failure({ code: 504, reason: 'Timeout', message: `no answer from ${server} within ${timeoutMs / 1000} s` });
}

/** Connection attempts to several addresses fail together in an AggregateError without a message of its own. */
function causeText(error: Error): string {
  if (error.message !== '') return error.message;
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return inner instanceof Error ? inner.message : error.name;
}

function parseStatus(text: string): Status | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isStatus(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isStatus(value: unknown): value is Status {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status';
}
