import type { NodeAffinity, NodeSelectorTerm } from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { listOf, semanticallyEqual } from '../value-rules.ts';

const requiredField = 'requiredDuringSchedulingIgnoredDuringExecution';

/**
 * Requirements of a gated Pod on its node may be added, never loosened; preferences may change freely.
 * Upstream: core validation `validateNodeAffinityMutation`.
 */
export function checkGatedAffinity(
  next: NodeAffinity | undefined,
  old: NodeAffinity | undefined,
  path: Path,
  problems: Problems,
): void {
  const oldTerms = listOf(old?.[requiredField]?.nodeSelectorTerms);
  if (oldTerms.length === 0) return;
  const nextTerms = listOf(next?.[requiredField]?.nodeSelectorTerms);
  const termsPath = child(child(path, requiredField), 'nodeSelectorTerms');
  if (nextTerms.length !== oldTerms.length) {
    problems.invalid(termsPath, nextTerms, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed');
    return;
  }
  for (const [position, term] of nextTerms.entries()) {
    if (isNarrowed(term, oldTerms[position])) continue;
    problems.invalid(item(termsPath, position), term, 'only additions are allowed (no mutations or deletions)');
  }
}

/** An empty term matches nothing; adding to it would widen what matches. */
function isNarrowed(next: NodeSelectorTerm, old: NodeSelectorTerm | undefined): boolean {
  const isEmpty = listOf(old?.matchExpressions).length === 0 && listOf(old?.matchFields).length === 0;
  if (isEmpty) return semanticallyEqual(next, old);
  return (['matchExpressions', 'matchFields'] as const).every((field) =>
    listOf(old?.[field]).every((requirement, position) => semanticallyEqual(next[field]?.[position], requirement)),
  );
}
