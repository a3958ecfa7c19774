import { qualifiedName, type NamespaceCondition, type Resource } from '../../api/index.ts';

/** What one round of emptying a namespace has found. */
export interface Round {
  readonly errors: readonly string[];
  /** Per kind that is not empty: how many objects are left, and how many of them each finalizer holds. */
  readonly remaining: readonly Remaining[];
}

export interface Remaining {
  readonly resource: Resource;
  readonly count: number;
  readonly finalizers: ReadonlyMap<string, number>;
}

/**
 * The conditions that tell how the deletion of a namespace goes on; transition times are kept where the status stays.
 * (Types, reasons and texts: upstream `pkg/controller/namespace/deletion/status_condition_utils.go`.)
 */
export function conditionsOf(
  round: Round,
  old: readonly NamespaceCondition[],
  nowText: string,
): readonly NamespaceCondition[] {
  return [
    condition('NamespaceDeletionDiscoveryFailure', [], 'ResourcesDiscovered', 'All resources successfully discovered'),
    condition(
      'NamespaceDeletionGroupVersionParsingFailure',
      [],
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ),
    contentFailure(round.errors),
    contentRemaining(round.remaining),
    finalizersRemaining(round.remaining),
  ].map((fresh) => {
    const before = old.find((candidate) => candidate.type === fresh.type);
    const lastTransitionTime = before?.status === fresh.status ? before.lastTransitionTime : nowText;
    return { ...fresh, lastTransitionTime };
  });
}

export function isSameConditions(a: readonly NamespaceCondition[], b: readonly NamespaceCondition[]): boolean {
  const text = (conditions: readonly NamespaceCondition[]): string =>
    JSON.stringify(conditions.map(({ type, status, reason, message }) => [type, status, reason, message]));
  return text(a) === text(b);
}

function contentFailure(errors: readonly string[]): NamespaceCondition {
  if (errors.length === 0) {
    const message = 'All content successfully deleted, may be waiting on finalization';
    return condition('NamespaceDeletionContentFailure', errors, 'ContentDeleted', message);
  }
  const message = `Failed to delete all resource types, ${errors.length} remaining: ${errors.join(', ')}`;
  return condition('NamespaceDeletionContentFailure', errors, 'ContentDeletionFailed', message);
}

function contentRemaining(remaining: readonly Remaining[]): NamespaceCondition {
  const texts = remaining.map(({ resource, count }) => `${textOf(resource)} has ${count} resource instances`);
  return texts.length === 0
    ? condition('NamespaceContentRemaining', texts, 'ContentRemoved', 'All content successfully removed')
    : condition(
        'NamespaceContentRemaining',
        texts,
        'SomeResourcesRemain',
        `Some resources are remaining: ${texts.toSorted().join(', ')}`,
      );
}

function finalizersRemaining(remaining: readonly Remaining[]): NamespaceCondition {
  const counts = new Map<string, number>();
  for (const { finalizers } of remaining) {
    for (const [finalizer, count] of finalizers) counts.set(finalizer, (counts.get(finalizer) ?? 0) + count);
  }
  const texts = [...counts].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`);
  return texts.length === 0
    ? condition(
        'NamespaceFinalizersRemaining',
        texts,
        'ContentHasNoFinalizers',
        'All content-preserving finalizers finished',
      )
    : condition(
        'NamespaceFinalizersRemaining',
        texts,
        'SomeFinalizersRemain',
        `Some content in the namespace has finalizers remaining: ${texts.toSorted().join(', ')}`,
      );
}

/** `jobs.batch`, and `pods.` for the core group, as upstream prints them. */
function textOf(resource: Resource): string {
  return resource.group === '' ? `${resource.resource}.` : qualifiedName(resource);
}

/** True where there is something to tell. */
function condition(type: string, findings: readonly string[], reason: string, message: string): NamespaceCondition {
  return { type, status: findings.length > 0 ? 'True' : 'False', reason, message };
}
