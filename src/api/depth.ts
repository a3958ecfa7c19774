import { badRequest } from './status.ts';

/**
 * Deepest nesting of lists and maps that is taken from clients: far above any real object, and low enough for every
 * recursive function between the request and the disk.
 */
const maxDepth = 1000;

/** @throws ApiError 400 when lists and maps are nested more than 1000 deep */
export function checkDepth(value: unknown, depth = 0): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth >= maxDepth) throw badRequest('exceeded max depth');
  if (Array.isArray(value)) for (const element of value as unknown[]) checkDepth(element, depth + 1);
  else for (const key in value) checkDepth((value as Record<string, unknown>)[key], depth + 1);
}
