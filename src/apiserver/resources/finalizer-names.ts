import { qualifiedNameErrors } from '../../api/index.ts';

const standard: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** What is wrong with a finalizer's name. Upstream: core validation `validateFinalizerName`. */
export function qualifiedFinalizerErrors(name: string): readonly string[] {
  const errors = qualifiedNameErrors(name);
  if (errors.length > 0 || name.includes('/') || standard.has(name)) return errors;
  return ['name is neither a standard finalizer name nor is it fully qualified'];
}
