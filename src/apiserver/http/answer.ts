import { ApiError, failure, internalError, type Status } from '../../api/index.ts';
import type { Logger } from '../../log/index.ts';
import { StoreClosedError, StoreFullError } from '../../store/index.ts';
import type { Reply } from './call.ts';
import { BodyTooLargeError, PeerGoneError, type AnswerHeaders } from './exchange.ts';
import { warningHeaders } from './warnings.ts';

/** Largest request body, as upstream. */
export const maxBodyBytes = 3 * 1024 * 1024;

/** The headers that every answer carries. */
export function commonHeaders(reply: Reply, contentType: string): AnswerHeaders {
  const headers: AnswerHeaders = {
    'content-type': contentType,
    'audit-id': reply.auditId,
    'cache-control': 'no-cache, private',
  };
  if (reply.warnings.length > 0) headers['warning'] = warningHeaders(reply.warnings);
  return headers;
}

export function answerJson(reply: Reply, code: number, body: Buffer | string): void {
  reply.code = code;
  reply.exchange.respond(code, commonHeaders(reply, 'application/json'), body);
}

export function answerText(reply: Reply, code: number, text: string, more: AnswerHeaders = {}): void {
  reply.code = code;
  const headers = { ...commonHeaders(reply, 'text/plain; charset=utf-8'), ...more };
  headers['x-content-type-options'] = 'nosniff';
  reply.exchange.respond(code, headers, text);
}

export function answerStatus(reply: Reply, code: number, status: Status): void {
  answerJson(reply, code, JSON.stringify(status));
}

/** Paths that nothing is served at. Upstream's text, and no Status. */
export function answerPathNotFound(reply: Reply): void {
  answerText(reply, 404, '404 page not found\n');
}

/** Upstream's text, and no Status. Clients try again by themselves because of the header. */
export function answerTooMany(reply: Reply): void {
  const text = 'Too many requests, please try again later.\n';
  answerText(reply, 429, text, { 'retry-after': '1' });
}

/** Turns whatever was thrown into the answer. Half-sent answers can only be cut off. */
export function answerError(reply: Reply, error: unknown, log: Logger): void {
  if (error instanceof PeerGoneError || reply.exchange.closed) return;
  const known = apiErrorOf(error);
  if (known.code === 500 && !(error instanceof ApiError)) {
    log.error('a request failed unexpectedly', { error, method: reply.exchange.method, auditId: reply.auditId });
  }
  if (reply.exchange.started) {
    reply.exchange.abort();
    return;
  }
  reply.code = known.code;
  reply.reason = known.status.reason;
  const headers = commonHeaders(reply, 'application/json');
  const retryAfterSeconds = known.status.details?.retryAfterSeconds;
  if (retryAfterSeconds !== undefined && retryAfterSeconds > 0) headers['retry-after'] = String(retryAfterSeconds);
  if (known.code === 401) headers['www-authenticate'] = 'Bearer realm="rondo"';
  reply.exchange.respond(known.code, headers, JSON.stringify(known.status));
}

/** The Status that stands for an error. */
export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof BodyTooLargeError) {
    const message = `Request entity too large: limit is ${maxBodyBytes}`;
    return failure({ code: 413, reason: 'RequestEntityTooLarge', message });
  }
  // Upstream has no status for this (its clients see a 500 of etcd's). 507 says it is not the request's fault, and that
  // trying again at once is of no use.
  if (error instanceof StoreFullError) {
    const message = `the store has no space left: ${error.message}; nothing was written`;
    return failure({ code: 507, reason: 'InsufficientStorage', message, cause: error });
  }
  if (error instanceof StoreClosedError) {
    const details = { retryAfterSeconds: 1 };
    const message = 'the server is stopping';
    return failure({ code: 503, reason: 'ServiceUnavailable', message, details, cause: error });
  }
  return internalError(error);
}
