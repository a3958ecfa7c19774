import { isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Node } from 'yaml';
import { badRequest } from './status.ts';

/** Keys of maps and indexes of lists, from the top of a document. */
export type DocumentPath = readonly (string | number)[];

/** A document that remembers where its parts stand. */
export interface LocatedDocument {
  readonly value: unknown;
  /** The line (from 1) of the key or item at a path; of its nearest parent that exists when it does not. */
  lineOf(path: DocumentPath): number;
}

/**
 * Parses YAML 1.2 (or JSON), any number of documents, each with its lines. Stricter than `parseYamlDocuments`: a key that
 * stands twice is an error. Empty documents are left out.
 * @throws ApiError 400 with the line
 */
export function parseLocatedYaml(text: string): LocatedDocument[] {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { merge: true, lineCounter: lines, prettyErrors: false });
  if ('empty' in parsed) return [];
  return parsed.flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw badRequest(`line ${lines.linePos(error.pos[0]).line}: ${error.message}`);
    const value: unknown = document.toJS({ maxAliasCount: 1000 });
    if (value === null) return [];
    const lineOf = (path: DocumentPath): number => lines.linePos(offsetOf(document.contents, path)).line;
    return [{ value, lineOf }];
  });
}

function offsetOf(root: Node | null, path: DocumentPath): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}

/** `spec.outcomes[0].match` as a path. */
export function parseDocumentPath(text: string): DocumentPath {
  return [...text.matchAll(/([^.[\]]+)|\[([^\]]*)\]/g)].map(([, key, index]) => key ?? index ?? '');
}

/** A path as `spec.outcomes[0].match`. */
export function formatDocumentPath(path: DocumentPath): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}
