import { badRequest, failure, fieldError, invalid, type FieldError } from '../../api/index.ts';
import { sleep } from '../../clock/index.ts';
import type { ListQuery, WatchQuery } from '../operations.ts';
import type { Registry } from './registry.ts';

const listOptions = { group: 'meta.k8s.io', kind: 'ListOptions' };
const exact = 'Exact';
const notOlderThan = 'NotOlderThan';

/** @throws ApiError 422 (apimachinery `ValidateListOptions`) or 400 */
export function checkListQuery(query: ListQuery): void {
  const { resourceVersion, resourceVersionMatch: match } = query;
  const field = 'resourceVersionMatch';
  const errors: FieldError[] = [];
  if (match) {
    if (!resourceVersion) {
      errors.push(fieldError.forbidden(field, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    }
    if (query.continue) {
      errors.push(fieldError.forbidden(field, 'resourceVersionMatch is forbidden when continue is provided'));
    }
    if (match !== exact && match !== notOlderThan) {
      errors.push(fieldError.notSupported(field, match, [exact, notOlderThan, '']));
    }
    if (match === exact && resourceVersion === '0') {
      errors.push(fieldError.forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
    }
  }
  if (errors.length > 0) throw invalid(listOptions, '', errors);
  if (query.continue && resourceVersion && resourceVersion !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
}

/** @throws ApiError 422 (apimachinery `validateWatchOptions`) */
export function checkWatchQuery({ sendInitialEvents, resourceVersionMatch: match }: WatchQuery): void {
  const field = 'resourceVersionMatch';
  const errors: FieldError[] = [];
  if (sendInitialEvents !== undefined && match !== notOlderThan) {
    const detail = `sendInitialEvents requires setting resourceVersionMatch to ${notOlderThan}`;
    errors.push(fieldError.forbidden(field, detail));
  }
  if (match) {
    if (sendInitialEvents === undefined) {
      const detail = 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
      errors.push(fieldError.forbidden(field, detail));
    }
    if (match !== notOlderThan) errors.push(fieldError.notSupported(field, match, [notOlderThan]));
  }
  if (errors.length > 0) throw invalid(listOptions, '', errors);
}

/** 0 for absent and "0". @throws ApiError 400 */
export function parseResourceVersion(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw badRequest(`invalid resource version: ${JSON.stringify(text)}`);
  }
  return value;
}

/** True if the answer must be the state at exactly the given version: asked for, or a limited list at a version. */
export function wantsExactVersion(query: ListQuery): boolean {
  return query.resourceVersionMatch === exact || (!query.resourceVersionMatch && (query.limit ?? 0) > 0);
}

/** How long a read waits for a version that has not happened yet, and how often it looks. */
const futureWaitMs = 3000;
const futureLookMs = 100;

/** @throws ApiError 504 if the version has not come after three seconds */
export async function untilRevision(registry: Registry, revision: number): Promise<void> {
  for (let waitedMs = 0; registry.store.revision < revision; waitedMs += futureLookMs) {
    if (waitedMs >= futureWaitMs) throw tooLargeRevision(revision, registry.store.revision);
    await sleep(registry.clock, futureLookMs);
  }
}

function tooLargeRevision(asked: number, current: number): Error {
  const text = `Too large resource version: ${asked}, current: ${current}`;
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
  return failure({
    code: 504,
    reason: 'Timeout',
    message: `Timeout: ${text}`,
    details: { causes, retryAfterSeconds: 1 },
  });
}
