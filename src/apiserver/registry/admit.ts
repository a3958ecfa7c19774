import type { Admission, AdmissionRequest, AdmissionSubject, KindDefinition } from '../kind.ts';

type Operation = AdmissionSubject['operation'];
type BySubresource = Map<string | undefined, readonly Admission[]>;

/** The rules of admission, in order, sorted by what they concern: most writes of status concern none. */
export class AdmissionRules {
  readonly #all: readonly Admission[];
  readonly #known = new WeakMap<KindDefinition, Record<Operation, BySubresource>>();

  constructor(all: readonly Admission[]) {
    this.#all = all;
  }

  /** Those to ask about such a write. Costs two look-ups. */
  concerning(kind: KindDefinition, operation: Operation, subresource: string | undefined): readonly Admission[] {
    let ofKind = this.#known.get(kind);
    if (ofKind === undefined) {
      ofKind = { create: new Map(), update: new Map(), delete: new Map() };
      this.#known.set(kind, ofKind);
    }
    let rules = ofKind[operation].get(subresource);
    if (rules === undefined) {
      rules = this.#all.filter((rule) => rule.concerns({ operation, resource: kind.resource, subresource }));
      ofKind[operation].set(subresource, rules);
    }
    return rules;
  }
}

/**
 * Asks the rules in order; the first that throws refuses. Without a promise if no rule needs one: a turn of the event
 * loop's microtasks per write adds up.
 */
export function admit(rules: readonly Admission[], request: AdmissionRequest): undefined | Promise<void> {
  for (let at = 0; at < rules.length; at++) {
    const pending = rules[at]?.admit(request);
    if (pending !== undefined) return admitRest(rules.slice(at + 1), request, pending);
  }
  return undefined;
}

async function admitRest(
  rules: readonly Admission[],
  request: AdmissionRequest,
  pending: Promise<void>,
): Promise<void> {
  await pending;
  for (const rule of rules) await rule.admit(request);
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
