import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
  type Document,
  type ScalarTag,
  stringify,
} from 'yaml';
import { checkDepth } from './depth.ts';
import { badRequest, type ApiError } from './status.ts';

export interface YamlDocuments {
  readonly documents: unknown[];
  /** Paths of keys that stand twice in one map; the last one counts. The first hundred. */
  readonly duplicateFields: string[];
}

/** Aliases may unfold to at most this many nodes: a bomb of references is refused. */
const maxAliasCount = 1000;
const maxDuplicates = 100;

/** `0644` is octal, as in the YAML that kubectl reads. */
const octal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  identify: () => false,
  default: true,
  test: /^[-+]?0[0-7]+$/,
  resolve: (text) => (text.startsWith('-') ? -1 : 1) * Number.parseInt(text.replace(/^[-+]/, ''), 8),
};

/**
 * Parses YAML 1.2 (JSON is a part of it), any number of documents. Words like `yes` and `on` stay strings; merge keys
 * (`<<`) are followed; integers with a leading zero are octal.
 * @throws ApiError 400 for bad syntax and for what JSON cannot say (NaN, maps with other keys than strings)
 */
export function parseYamlDocuments(text: string): YamlDocuments {
  try {
    return parse(text);
  } catch (error) {
    // Nesting deeper than the parser's own recursion can go.
    if (error instanceof RangeError) throw unconvertible(`yaml: ${error.message}`);
    throw error;
  }
}

function parse(text: string): YamlDocuments {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {
    uniqueKeys: false,
    merge: true,
    customTags: (tags) => [octal, ...tags],
    lineCounter: lines,
    prettyErrors: false,
  });
  const duplicateFields: string[] = [];
  const documents: unknown[] = [];
  for (const document of 'empty' in parsed ? [] : parsed) {
    const [error] = document.errors;
    if (error !== undefined) {
      const { line } = lines.linePos(error.pos[0]);
      throw unconvertible(`yaml: line ${line}: ${error.message}`);
    }
    collectDuplicates(document, duplicateFields);
    const value = valueOf(document);
    checkDepth(value);
    checkJson(value);
    documents.push(value);
  }
  return { documents, duplicateFields };
}

/** Aliases without an anchor or of too many nodes, and merge keys of no map, are found only here. */
function valueOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount });
  } catch (error) {
    throw unconvertible(`yaml: ${(error as Error).message}`);
  }
}

function checkJson(value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value)) throw unconvertible(`json: unsupported value: ${value}`);
  if (typeof value === 'bigint') throw unconvertible('json: unsupported value');
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype)
    throw unconvertible('only maps, lists, strings, numbers and booleans can be used');
  Object.values(value).forEach(checkJson);
}

function collectDuplicates(document: Document, found: string[]): void {
  visit(document, {
    Map: (_, map, ancestors) => {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (isMap(key) || isSeq(key) || isAlias(key)) throw unconvertible('yaml: map keys must be strings');
        const name = isScalar(key) ? String(key.value) : '';
        if (seen.has(name) && found.length < maxDuplicates) found.push(pathOf([...ancestors, map], name));
        seen.add(name);
      }
    },
  });
}

/** `spec.containers[0].name`: the keys and indexes that lead to a map, and one of its keys. */
function pathOf(nodes: readonly unknown[], key: string): string {
  let path = '';
  nodes.forEach((node, index) => {
    if (isPair(node) && isScalar(node.key)) path += `${path === '' ? '' : '.'}${String(node.key.value)}`;
    else if (isSeq(node)) path += `[${node.items.indexOf(nodes[index + 1])}]`;
  });
  return `${path}${path === '' ? '' : '.'}${key}`;
}

function unconvertible(detail: string): ApiError {
  return badRequest(`error converting YAML to JSON: ${detail}`);
}

/** A manifest as YAML, for people to read and kubectl to take. */
export function toYaml(value: object): string {
  return stringify(value, { lineWidth: 0, version: '1.1' });
}
