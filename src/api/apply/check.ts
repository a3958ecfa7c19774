import { ItemError, elementOf } from './list-items.ts';
import { fieldElement, printElement } from './path-element.ts';
import type { ListShape, Shape, ScalarShape } from './shape.ts';
import { isObject, written, type Json } from './view.ts';

interface Problem {
  readonly path: string;
  readonly message: string;
}

/**
 * All that is wrong with a configuration that somebody applies, in upstream's words: unknown fields, wrong types, list
 * items that cannot be told apart. Undefined: nothing.
 */
export function configurationErrors(object: unknown, shape: Shape): string | undefined {
  return printed(object, shape, 'refused');
}

/** What keeps an object that is stored from being merged with: list items that cannot be told apart. */
export function liveErrors(object: unknown, shape: Shape, duplicates: Duplicates): string | undefined {
  return printed(object, shape, duplicates);
}

type Duplicates = 'refused' | 'allowed';

function printed(object: unknown, shape: Shape, duplicates: Duplicates): string | undefined {
  const problems: Problem[] = [];
  check(object, shape, { path: '', duplicates, problems });
  const texts = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  if (texts.length <= 1) return texts[0];
  return `errors:\n${texts.map((text) => `  ${text}`).join('\n')}`;
}

interface Place {
  readonly path: string;
  readonly duplicates: Duplicates;
  readonly problems: Problem[];
}

function check(value: unknown, shape: Shape, place: Place): void {
  if (value === null) return;
  const { path, problems } = place;
  switch (shape.kind) {
    case 'scalar': {
      const message = scalarProblem(value, shape.scalar);
      if (message !== undefined) problems.push({ path, message });
      return;
    }
    case 'list':
      if (!Array.isArray(value)) problems.push({ path, message: `expected list, got &{${goValue(value)}}` });
      else checkList(value, shape, place);
      return;
    case 'struct':
    case 'map':
      if (!isObject(value)) problems.push({ path, message: `expected map, got &{${goValue(value)}}` });
      else checkMembers(value, shape, place);
  }
}

function checkMembers(value: Json, shape: Shape, place: Place): void {
  for (const name of Object.keys(value)) {
    const element = shape.kind === 'struct' ? shape.fields.get(name)?.shape : (shape as { element: Shape }).element;
    const path = place.path + printElement(fieldElement(name));
    if (element === undefined) {
      // Upstream looks no further in this object.
      place.problems.push({ path, message: 'field not declared in schema' });
      return;
    }
    check(value[name], element, { ...place, path });
  }
}

function checkList(list: unknown[], shape: ListShape, place: Place): void {
  const { path, duplicates, problems } = place;
  const seen = new Set<string>();
  for (const [index, item] of list.entries()) {
    let element = `i:${index}`;
    if (shape.relation !== 'atomic') {
      try {
        element = elementOf(item, shape, written);
      } catch (error) {
        if (!(error instanceof ItemError)) throw error;
        problems.push({ path, message: `element ${index}: ${error.message}` });
        return;
      }
      if (seen.has(element) && duplicates === 'refused')
        problems.push({ path, message: `duplicate entries for key ${printElement(element)}` });
      seen.add(element);
    }
    check(item, shape.element, { ...place, path: path + printElement(element) });
  }
}

function scalarProblem(value: unknown, scalar: ScalarShape['scalar']): string | undefined {
  switch (scalar) {
    case 'string':
      return typeof value === 'string'
        ? undefined
        : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
    case 'numeric':
      return typeof value === 'number' ? undefined : `expected numeric (int or float), got ${goType(value)}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got &{${goValue(value)}}`;
    case 'untyped':
      return typeof value === 'object' ? `expected any scalar, got &{${goValue(value)}}` : undefined;
    case 'any':
      return undefined;
  }
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'object' ? 'map[string]interface {}' : typeof value;
}

/** As `%v` prints it. */
function goValue(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (!isObject(value)) return typeof value === 'string' ? value : JSON.stringify(value);
  const entries = Object.entries(value).map(([key, part]) => `${key}:${goValue(part)}`);
  return `map[${entries.sort().join(' ')}]`;
}

/** As `%#v` prints it. */
function goSyntax(value: unknown): string {
  if (value === null) return 'interface {}(nil)';
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, part]) => `${JSON.stringify(key)}:${goSyntax(part)}`);
  return `map[string]interface {}{${entries.sort().join(', ')}}`;
}
