import { deepFreeze, type PodSpec } from '../../../api/index.ts';

interface Made {
  readonly spec: PodSpec;
  readonly from: unknown;
  readonly made: PodSpec;
}

/** Few, because all of them are looked at; the Pods of one template come close together. */
const remembered = 8;

/**
 * What a rule makes of frozen Pod specs, which the Pods of one template share: each is worked on once, and all of these
 * Pods go on sharing the outcome, so that it is also frozen and kept once.
 */
export class SpecMemo {
  readonly #made: Made[] = [];
  #next = 0;

  /** `make`'s answer for this spec; asked again when `from`, all else that the answer depends on, is another. */
  of(spec: PodSpec, from: unknown, make: () => PodSpec): PodSpec {
    if (!Object.isFrozen(spec)) return make();
    for (let at = 0; at < this.#made.length; at++) {
      const known = this.#made[at] as Made;
      if (known.spec === spec && known.from === from) return known.made;
    }
    const made = deepFreeze(make());
    this.#made[this.#next] = { spec, from, made };
    this.#next = (this.#next + 1) % remembered;
    return made;
  }
}

/** Frozen specs that were found right of late: the Pods of one template need not be checked one by one. */
export class RecentSpecs {
  readonly #specs: PodSpec[] = [];
  #next = 0;

  has(spec: PodSpec): boolean {
    return this.#specs.includes(spec);
  }

  add(spec: PodSpec): void {
    if (!Object.isFrozen(spec)) return;
    this.#specs[this.#next] = spec;
    this.#next = (this.#next + 1) % remembered;
  }
}
