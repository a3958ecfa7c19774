import { badRequest, parseFieldSelector, parseLabelSelector, type KubeObject, type Selector } from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';

/** What a list or watch asks for, read once. */
export interface Selection {
  /** No selectors: everything matches. */
  readonly everything: boolean;
  /** From `metadata.name=`. */
  readonly name: string | undefined;
  /** From the URL, or from `metadata.namespace=`. */
  readonly namespace: string | undefined;
  /** An index of the kind that answers for one of the equality selectors. */
  readonly indexed: { readonly index: string; readonly value: string } | undefined;
  matches(object: KubeObject): boolean;
}

export interface SelectionQuery {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

type Test = (object: KubeObject) => boolean;

/** The index over metadata.name, which every kind has; built from keys, so it decodes nothing. */
export const nameIndex = 'field:metadata.name';

/** @throws ApiError 400 for selectors that cannot be read or fields that the kind cannot select by */
export function parseSelection(kind: KindDefinition, namespace: string | undefined, query: SelectionQuery): Selection {
  const labels = query.labelSelector ? parseLabelSelector(query.labelSelector) : undefined;
  const fields = query.fieldSelector ? parseFieldSelector(query.fieldSelector) : [];
  const tests: Test[] = [];
  if (labels !== undefined && !labels.empty) tests.push((object) => labels.matches(object.metadata.labels));
  const exact = new Map<string, string>();
  for (const { field, operator, value } of fields) {
    const read = fieldReader(kind, field);
    tests.push(operator === '=' ? (object) => read(object) === value : (object) => read(object) !== value);
    if (operator === '=') exact.set(field, value);
  }
  const name = exact.get('metadata.name');
  return {
    everything: tests.length === 0,
    name,
    namespace: namespace || exact.get('metadata.namespace') || undefined,
    indexed: chooseIndex(kind, labels, exact),
    matches: (object) => tests.every((test) => test(object)),
  };
}

function fieldReader(kind: KindDefinition, field: string): (object: KubeObject) => string {
  if (field === 'metadata.name') return (object) => object.metadata.name;
  if (field === 'metadata.namespace') return (object) => object.metadata.namespace ?? '';
  const read = kind.fieldLabels?.[field];
  if (read === undefined) throw badRequest(`field label not supported: ${field}`);
  return read;
}

function chooseIndex(
  kind: KindDefinition,
  labels: Selector | undefined,
  exact: ReadonlyMap<string, string>,
): Selection['indexed'] {
  const name = exact.get('metadata.name');
  if (name !== undefined) return { index: nameIndex, value: name };
  for (const index of kind.indexed ?? []) {
    const value = index.startsWith('label:')
      ? labels?.exactValue(index.slice('label:'.length))
      : exact.get(index.slice('field:'.length));
    if (value !== undefined) return { index, value };
  }
  return undefined;
}

/** What an index of a kind files an object under; undefined: nothing. */
export function indexReader(kind: KindDefinition, index: string): (object: KubeObject) => string | undefined {
  if (index.startsWith('label:')) {
    const key = index.slice('label:'.length);
    return (object) => object.metadata.labels?.[key];
  }
  return fieldReader(kind, index.slice('field:'.length));
}
