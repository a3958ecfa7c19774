import type { Container, PodSpec } from './generated/types.ts';
import { isSidecar } from './pod.ts';
import { addQuantities, compareQuantities, negateQuantity } from './quantity.ts';

/** Quantities by the name of their resource. */
export type Amounts = Readonly<Record<string, string>>;

/** Adds name by name. */
export function addAmounts(a: Amounts, b: Amounts): Amounts {
  return merged(a, b, addQuantities);
}

/** The larger of both, name by name. */
function maxAmounts(a: Amounts, b: Amounts): Amounts {
  return merged(a, b, (x, y) => (compareQuantities(x, y) >= 0 ? x : y));
}

function merged(a: Amounts, b: Amounts, both: (x: string, y: string) => string): Amounts {
  const result: Record<string, string> = { ...a };
  for (const [name, amount] of Object.entries(b)) {
    const own = result[name];
    result[name] = own === undefined ? amount : both(own, amount);
  }
  return result;
}

/**
 * What a Pod requests, or is limited to, of every resource: like `podRequests`, for all names (component-helpers
 * `resource.PodRequests` and `PodLimits`).
 */
export function podAmounts(spec: PodSpec, side: 'requests' | 'limits'): Amounts {
  const of = (container: Container): Amounts => container.resources?.[side] ?? {};
  let sidecars: Amounts = {};
  let peak: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const own = addAmounts(sidecars, of(container));
    if (isSidecar(container)) sidecars = own;
    peak = maxAmounts(peak, own);
  }
  const regular = spec.containers.map(of).reduce(addAmounts, sidecars);
  const whole = { ...maxAmounts(peak, regular), ...spec.resources?.[side] };
  const overhead = Object.entries(spec.overhead ?? {});
  // What is not limited stays so: overhead is no limit of its own.
  return addAmounts(
    whole,
    Object.fromEntries(overhead.filter(([name]) => side === 'requests' || whole[name] !== undefined)),
  );
}

/** The same amounts with the other sign. */
export function negated(amounts: Amounts): Amounts {
  return Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, negateQuantity(amount)]));
}

/** Whether both name the same resources with amounts of the same worth. */
export function semanticallyEqualAmounts(a: Amounts = {}, b: Amounts = {}): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => {
    const [x, y] = [a[name], b[name]];
    return x !== undefined && y !== undefined && compareQuantities(x, y) === 0;
  });
}
