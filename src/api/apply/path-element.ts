import { badRequest } from '../status.ts';
import { self, type FieldSet } from './field-set.ts';

/** A scalar as it stands in a key or as a set's value. */
type Scalar = unknown;

export function fieldElement(name: string): string {
  return `f:${name}`;
}

/** `keys` by name, in the order of their names. */
export function keyElement(keys: Readonly<Record<string, Scalar>>): string {
  return `k:${escaped(JSON.stringify(keys))}`;
}

export function valueElement(value: Scalar): string {
  return `v:${escaped(JSON.stringify(value))}`;
}

const special = /[<>&\u2028\u2029]/g;

/** Go's JSON has these escaped, and elements are compared as texts. */
function escaped(json: string): string {
  return json.replace(special, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** JSON as Go writes it: keys in order, and what HTML treats specially escaped. */
export function goJson(value: unknown): string {
  return escaped(JSON.stringify(value, (_key, part: unknown) => sorted(part)));
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => compareTexts(a, b)));
}

/**
 * The element in the one form in which it is kept; undefined for an element of a type that is not known.
 * @throws ApiError 400 for one that cannot be read
 */
export function canonicalElement(text: string): string | undefined {
  if (text.length < 2 || text[1] !== ':') throw badRequest(`missing colon: ${text}`);
  const content = text.slice(2);
  switch (text[0]) {
    case 'f':
      return text;
    case 'v':
      return valueElement(parsed(content));
    case 'k':
      return keyElement(sortedKeys(parsed(content)));
    case 'i':
      if (!/^[+-]?\d+$/.test(content)) throw badRequest(`parsing ${JSON.stringify(content)}: invalid syntax`);
      return `i:${Number(content)}`;
    default:
      return undefined;
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) throw badRequest(error.message);
    throw error;
  }
}

function sortedKeys(value: unknown): Record<string, Scalar> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest(`a key must be an object, got ${JSON.stringify(value)}`);
  }
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => compareTexts(a, b)));
}

/** The content of `k:` and `v:` elements. */
export function contentOf(element: string): unknown {
  return JSON.parse(element.slice(2)) as unknown;
}

/** As upstream prints paths: `.spec.containers[name="c"].image`. */
export function printPath(path: readonly string[]): string {
  return path.map(printElement).join('');
}

export function printElement(element: string): string {
  const content = element.slice(2);
  if (element.startsWith('f:')) return `.${content}`;
  if (element.startsWith('i:')) return `[${content}]`;
  if (element.startsWith('v:')) return `[=${printScalar(contentOf(element))}]`;
  const keys = contentOf(element) as Record<string, Scalar>;
  const texts = Object.entries(keys).map(([name, value]) => `${name}=${printScalar(value)}`);
  return `[${texts.join(',')}]`;
}

function printScalar(value: Scalar): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

const typeOrder = 'fkvi';

/** Upstream's order of elements: fields, keys, values, indexes, each by content. */
export function compareElements(a: string, b: string): number {
  if (a[0] !== b[0]) return typeOrder.indexOf(a[0] as string) - typeOrder.indexOf(b[0] as string);
  switch (a[0]) {
    case 'k':
      return compareKeys(contentOf(a) as Record<string, Scalar>, contentOf(b) as Record<string, Scalar>);
    case 'v':
      return compareScalars(contentOf(a), contentOf(b));
    case 'i':
      return Number(a.slice(2)) - Number(b.slice(2));
    default:
      return compareTexts(a, b);
  }
}

function compareKeys(a: Readonly<Record<string, Scalar>>, b: Readonly<Record<string, Scalar>>): number {
  const [mine, others] = [Object.entries(a), Object.entries(b)];
  for (let at = 0; at < mine.length && at < others.length; at++) {
    const [[name, value], [otherName, otherValue]] = [mine[at]!, others[at]!];
    const order = compareTexts(name, otherName) || compareScalars(value, otherValue);
    if (order !== 0) return order;
  }
  return mine.length - others.length;
}

function compareScalars(a: Scalar, b: Scalar): number {
  const order = rank(a) - rank(b);
  if (order !== 0) return order;
  if (typeof a === 'string') return compareTexts(a, b as string);
  return Number(a) - Number(b);
}

/** Numbers before texts before booleans. */
function rank(value: Scalar): number {
  return ['number', 'string', 'boolean'].indexOf(typeof value) + 1 || 4;
}

export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The elements of a node in order, without the one that stands for the node itself. */
export function sortedElements(node: FieldSet): string[] {
  return Object.keys(node)
    .filter((element) => element !== self)
    .sort(compareElements);
}
