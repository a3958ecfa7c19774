import { badRequest, expired } from '../../api/index.ts';

/** Where a list goes on: after which key, and at which revision (-1: whatever is newest, inconsistently). */
export interface ContinueToken {
  readonly revision: number;
  /** Relative to the prefix of the list. The next page starts here. */
  readonly start: string;
}

const tokenVersion = 'meta.k8s.io/v1';

/** Base64url of JSON, as upstream's; opaque to clients. */
export function encodeContinue(token: ContinueToken): string {
  const json = JSON.stringify({ v: tokenVersion, rv: token.revision, start: token.start });
  return Buffer.from(json).toString('base64url');
}

/** @throws ApiError 400 for anything that `encodeContinue` did not make */
export function decodeContinue(text: string): ContinueToken {
  const { v, rv, start } = parseToken(text);
  if (v !== tokenVersion || typeof rv !== 'number' || !Number.isSafeInteger(rv) || typeof start !== 'string') {
    throw badRequest('continue key is not valid: incorrect encoded start resourceVersion or version');
  }
  if (start === '' || start.startsWith('/') || rv < -1 || rv === 0) {
    throw badRequest('continue key is not valid: incorrect start key');
  }
  return { revision: rv, start };
}

function parseToken(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // Falls through: whatever is wrong with it, the client gets the same answer.
  }
  throw badRequest('continue key is not valid: illegal base64 or JSON');
}

/** 410 for a page whose revision is compacted; the token in it goes on at the newest revision. */
export function expiredContinue(token: ContinueToken): Error {
  const message =
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';
  return expired(message, encodeContinue({ revision: -1, start: token.start }));
}
