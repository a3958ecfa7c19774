/** Any value of a YAML document or an API object. */
export type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };

/**
 * Says how `actual` differs from the partial `expected`; undefined if it does not. Objects may have more members than
 * expected; lists must have the same length. Absent members equal null, 0, "", false, {} and []: servers leave those
 * out. `/…/` is a regular expression. Objects with one of these members stand for a condition:
 *
 *     $contains: [a, b]      some element matches a, some matches b
 *     $not: a                does not match a
 *     $atLeast: n, $atMost: n
 *     $size: n               length of a list or text, number of members
 *     $any: true             is there
 *     $later: [time, n]      a time at least n seconds after that time
 */
export function mismatch(actual: unknown, expected: Value, path = ''): string | undefined {
  if (typeof expected === 'object' && expected !== null && !Array.isArray(expected)) {
    const [operator] = Object.keys(expected);
    if (operator?.startsWith('$') === true) return compare(actual, operator, (expected as Members)[operator]!, path);
    if (isEmpty(actual) && Object.keys(expected).length === 0) return undefined;
    return membersMismatch(actual, expected as Members, path);
  }
  if (Array.isArray(expected)) return listMismatch(actual, expected as readonly Value[], path);
  if (isEmpty(expected) && isEmpty(actual)) return undefined;
  if (typeof expected === 'string' && /^\/.*\/$/s.test(expected)) {
    if (new RegExp(expected.slice(1, -1)).test(String(actual))) return undefined;
  } else if (actual === expected) return undefined;
  return difference(path, actual, expected);
}

type Members = Readonly<Record<string, Value>>;

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === 0 || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function membersMismatch(actual: unknown, expected: Members, path: string): string | undefined {
  const members = (typeof actual === 'object' && actual !== null ? actual : {}) as Record<string, unknown>;
  for (const [key, value] of Object.entries(expected)) {
    const found = mismatch(members[key], value, `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function listMismatch(actual: unknown, expected: readonly Value[], path: string): string | undefined {
  if (expected.length === 0 && isEmpty(actual)) return undefined;
  if (!Array.isArray(actual) || actual.length !== expected.length) return difference(path, actual, expected);
  for (const [index, value] of expected.entries()) {
    const found = mismatch(actual[index], value, `${path}[${index}]`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function compare(actual: unknown, operator: string, operand: Value, path: string): string | undefined {
  if (holds(actual, operator, operand)) return undefined;
  return difference(path, actual, { [operator]: operand });
}

function holds(actual: unknown, operator: string, operand: Value): boolean {
  const list: readonly unknown[] = Array.isArray(actual) ? (actual as readonly unknown[]) : [];
  switch (operator) {
    case '$contains':
      return asList(operand).every((part) => list.some((element) => mismatch(element, part) === undefined));
    case '$not':
      return mismatch(actual, operand) !== undefined;
    case '$atLeast':
      return Number(actual ?? 0) >= Number(operand);
    case '$atMost':
      return Number(actual ?? 0) <= Number(operand);
    case '$size':
      return (typeof actual === 'string' ? actual.length : Object.keys(actual ?? {}).length) === operand;
    case '$any':
      return (actual !== undefined && actual !== null) === operand;
    case '$later': {
      const [time, seconds] = asList(operand);
      return Date.parse(String(actual)) >= Date.parse(time as string) + Number(seconds) * 1000;
    }
    default:
      throw new Error(`unknown condition ${operator}`);
  }
}

function asList(value: Value): readonly Value[] {
  return Array.isArray(value) ? (value as readonly Value[]) : [value];
}

function difference(path: string, actual: unknown, expected: unknown): string {
  return `${path === '' ? 'it' : path} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`;
}
