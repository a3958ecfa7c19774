export type Labels = Readonly<Record<string, string>> | undefined;

/** One term of a label selector. */
export interface Requirement {
  readonly key: string;
  readonly operator: 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';
  readonly values: readonly string[];
}

/** `!=` and `notin` hold for absent labels too; `>` and `<` only for labels that are integers. */
export function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'in':
      return value !== undefined && values.includes(value);
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
    case 'lt':
      return compares(operator, value, values[0]);
  }
}

function compares(operator: 'gt' | 'lt', value: string | undefined, bound: string | undefined): boolean {
  const [a, b] = [parseInteger(value), parseInteger(bound)];
  if (a === undefined || b === undefined) return false;
  return operator === 'gt' ? a > b : a < b;
}

/** What Go's ParseInt takes as an integer of 64 bits. */
export function parseInteger(text: string | undefined): bigint | undefined {
  if (text === undefined || text.length > 63 || !/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
