import type { AdmissionRequest } from '../kind.ts';
import type { Registry } from './registry.ts';

/**
 * Asks every admission rule in order; the first that throws refuses. Without a promise if no rule needs one: a turn of
 * the event loop's microtasks per write adds up.
 */
export function admit(registry: Registry, request: AdmissionRequest): undefined | Promise<void> {
  const { admission } = registry;
  for (let at = 0; at < admission.length; at++) {
    const pending = admission[at]?.admit(request);
    if (pending !== undefined) return admitRest(registry, request, { pending, next: at + 1 });
  }
  return undefined;
}

async function admitRest(
  registry: Registry,
  request: AdmissionRequest,
  from: { readonly pending: Promise<void>; readonly next: number },
): Promise<void> {
  await from.pending;
  for (const rule of registry.admission.slice(from.next)) await rule.admit(request);
}

/** Those who want to know when a write is over, one way or the other. */
export class Settlement {
  #calls: (() => void)[] | undefined;

  readonly onSettled = (call: () => void): void => {
    (this.#calls ??= []).push(call);
  };

  settle(): void {
    this.#calls?.forEach((call) => call());
  }
}
