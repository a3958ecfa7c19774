import type { NodeView } from './node-view.ts';
import type { PodNeeds } from './pod-needs.ts';

/** A Pod without a node. */
export interface PendingPod {
  readonly key: string;
  readonly uid: string;
  readonly needs: PodNeeds;
  /** Order of arrival. */
  readonly sequence: number;
  /** What is to be added to the reason why it waits. */
  note: string;
  /** Set when it was placed or has gone; queues skip it. */
  left: boolean;
}

/** Pods with the same needs, in the order of their arrival: if the first does not fit, none does. */
export interface Shape {
  readonly signature: string;
  readonly needs: PodNeeds;
  reason: 'room' | 'never' | 'claims';
  message: string;
  /** Nodes that would do if they had room, as of `generation`. */
  eligible: readonly NodeView[];
  generation: number;
}

interface Line extends Shape {
  pods: PendingPod[];
  /** Pods before this index are gone or placed. */
  next: number;
}

/**
 * The Pods that fit nowhere, in one line per shape. A step costs O(1), trying all again costs O(shapes): ten thousand
 * Pods of one Job are one shape.
 */
export class WaitingPods {
  readonly #lines = new Map<string, Line>();
  readonly #byKey = new Map<string, { readonly pod: PendingPod; readonly line: Line }>();

  get size(): number {
    return this.#byKey.size;
  }

  find(signature: string): Shape | undefined {
    return this.#lines.get(signature);
  }

  of(key: string): { readonly pod: PendingPod; readonly line: Shape } | undefined {
    return this.#byKey.get(key);
  }

  keysOf(shape: Shape): readonly string[] {
    const line = this.#lines.get(shape.signature);
    return line === undefined ? [] : line.pods.slice(line.next).flatMap((pod) => (pod.left ? [] : [pod.key]));
  }

  add(pod: PendingPod, shape: Shape): void {
    let line = this.#lines.get(shape.signature);
    if (line === undefined) this.#lines.set(shape.signature, (line = { ...shape, pods: [], next: 0 }));
    line.pods.push(pod);
    this.#byKey.set(pod.key, { pod, line });
  }

  /** Takes a Pod out, wherever it stands. */
  remove(key: string): void {
    const entry = this.#byKey.get(key);
    if (entry === undefined) return;
    entry.pod.left = true;
    this.#byKey.delete(key);
    this.#advance(entry.line);
  }

  /** Shapes by the turn of their first Pod. */
  shapes(): readonly Shape[] {
    return [...this.#lines.values()].toSorted((a, b) => byTurn(a.pods[a.next], b.pods[b.next]));
  }

  first(shape: Shape): PendingPod | undefined {
    const line = this.#lines.get(shape.signature);
    return line?.pods[line.next];
  }

  #advance(line: Line): void {
    while (line.pods[line.next]?.left === true) line.next++;
    if (line.next === line.pods.length) this.#lines.delete(line.signature);
    else if (line.next > line.pods.length / 2 + 1000) {
      line.pods = line.pods.slice(line.next);
      line.next = 0;
    }
  }
}

/** Whose turn it is first: the more important one, then the one that came first. Who is not there comes last. */
export function byTurn(a: PendingPod | undefined, b: PendingPod | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return b.needs.priority - a.needs.priority || a.sequence - b.sequence;
}
