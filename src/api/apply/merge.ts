import { badRequest } from '../status.ts';
import { setKey } from '../patch-merge.ts';
import { elementOf } from './list-items.ts';
import { printElement } from './path-element.ts';
import type { ListShape, MapShape, Shape, StructShape } from './shape.ts';
import { isObject, written, type Json } from './view.ts';

/**
 * The first object with what the second one says put over it (structured-merge-diff `Merge`): leaves are replaced, the
 * rest is merged; nothing is removed. Both as they are written.
 */
export function mergeObjects(live: Json, config: Json, shape: StructShape): Json {
  return merge(live, config, shape) as Json;
}

/** Undefined: absent, in arguments and result. */
function merge(live: unknown, config: unknown, shape: Shape): unknown {
  if (config === undefined) return live;
  switch (shape.kind) {
    case 'scalar':
      return config;
    case 'list': {
      const [mine, other] = [listOf(live), listOf(config)];
      if (shape.relation === 'atomic' || mine.length + other.length === 0) return config;
      return mergeLists(mine, other, shape);
    }
    case 'struct':
    case 'map': {
      const [mine, other] = [isObject(live) ? live : {}, isObject(config) ? config : {}];
      if (shape.atomic || Object.keys(mine).length + Object.keys(other).length === 0) return config;
      return mergeMembers(mine, other, shape);
    }
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function mergeMembers(live: Json, config: Json, shape: StructShape | MapShape): unknown {
  const merged: Record<string, unknown> = {};
  let some = false;
  for (const name of new Set([...Object.keys(live), ...Object.keys(config)])) {
    const element = shape.kind === 'map' ? shape.element : shape.fields.get(name)?.shape;
    const [mine, other] = [own(live, name), own(config, name)];
    const value = element === undefined ? (other ?? mine) : merge(mine, other, element);
    if (value === undefined) continue;
    setKey(merged, name, value);
    some = true;
  }
  return some ? merged : undefined;
}

function own(map: Json, key: string): unknown {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

interface Indexed {
  readonly elements: readonly string[];
  readonly items: readonly unknown[];
  /** Null for items that are there more than once: what is applied does not mix with any of them. */
  readonly byElement: ReadonlyMap<string, unknown>;
}

function index(list: readonly unknown[], shape: ListShape): Indexed {
  const byElement = new Map<string, unknown>();
  const elements = list.map((item) => elementOf(item, shape, written));
  elements.forEach((element, at) => byElement.set(element, byElement.has(element) ? null : list[at]));
  return { elements, items: list, byElement };
}

/**
 * Items in the order of the configuration, with the live ones it does not name where they were: each goes before the
 * next item that both lists have.
 */
function mergeLists(live: readonly unknown[], config: readonly unknown[], shape: ListShape): unknown {
  const [left, right] = [index(live, shape), index(config, shape)];
  const twice = right.elements.find((element, at) => right.elements.indexOf(element) !== at);
  if (twice !== undefined) throw badRequest(`duplicate entries for key ${printElement(twice)}`);
  const shared = right.elements.filter((element) => left.byElement.has(element));
  const merged: unknown[] = [];
  const done = new Set<string>();
  let nextShared = 0;
  let [l, r] = [0, 0];
  const takeConfig = (element: string): void => {
    done.add(element);
    merged.push(merge(left.byElement.get(element), right.byElement.get(element), shape.element));
    if (shared[nextShared] === element) nextShared++;
    r++;
  };
  while (l < left.elements.length || r < right.elements.length) {
    const mine = left.elements[l];
    const other = right.elements[r];
    if (mine !== undefined && other !== undefined) {
      if (mine === other) {
        takeConfig(other);
        l++;
        continue;
      }
      // An item of both lists, but not the one whose turn it is.
      if (right.byElement.has(mine) && nextShared < shared.length && shared[nextShared] !== mine) {
        l++;
        continue;
      }
    }
    if (mine !== undefined) {
      if (!right.byElement.has(mine)) {
        merged.push(left.items[l]);
        l++;
        continue;
      }
      if (done.has(mine)) l++;
    }
    if (other !== undefined) takeConfig(other);
  }
  return merged.length > 0 ? merged.filter((item) => item !== undefined) : undefined;
}
