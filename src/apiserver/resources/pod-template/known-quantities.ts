import { formatQuantityCanonical, parseQuantity } from '../../../api/index.ts';

interface Known {
  /** In the unit of `parseQuantity`; undefined if the text is no quantity. */
  readonly amount: bigint | undefined;
  readonly canonical: string;
}

/**
 * The same few quantities come again with every pod, and exact arithmetic on them costs more than all else in a simple
 * pod. Bounded; what it holds never gets wrong.
 */
const known = new Map<string, Known>();
const maxKnown = 4096;

function lookUp(text: string): Known {
  const found = known.get(text);
  if (found !== undefined) return found;
  const amount = typeof text === 'string' ? parseQuantity(text) : undefined;
  const fresh: Known = { amount, canonical: amount === undefined ? text : formatQuantityCanonical(text) };
  if (known.size < maxKnown) known.set(text, fresh);
  return fresh;
}

/** Exact, in the unit of `parseQuantity`; undefined if the text is no quantity. */
export function quantityOf(text: string): bigint | undefined {
  return lookUp(text).amount;
}

/** As upstream's decoding leaves it (`1000m` is `1`). What is no quantity stays, for validation to find. */
export function canonicalQuantity(text: string): string {
  return lookUp(text).canonical;
}
