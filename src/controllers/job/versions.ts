import type { KubeObject } from '../../api/index.ts';

/**
 * Whether `a` is an earlier version than `b` of the same object. Resource versions are decimal numbers that rise (since
 * 1.35 the API promises so); compared as text by length, because they may exceed what a number holds exactly.
 */
export function isOlder(a: KubeObject, b: KubeObject): boolean {
  const [x, y] = [a.metadata.resourceVersion, b.metadata.resourceVersion];
  return x.length === y.length ? x < y : x.length < y.length;
}

/** The later version; the second when they are the same. */
export function newerOf<T extends KubeObject>(a: T | undefined, b: T): T {
  return a !== undefined && a.metadata.uid === b.metadata.uid && isOlder(b, a) ? a : b;
}
