// Random sequences of writes by several managers, from a seed: objects out of the field table with few names and values,
// so that managers meet on the same fields all the time.
import {
  shapeOfMessage,
  type ListShape,
  type ScalarShape,
  type Shape,
  type StructShape,
} from '../../src/api/apply/index.ts';
import { randomInteger, seededRandom, type Random } from '../../src/clock/index.ts';

export interface Step {
  readonly op: 'create' | 'update' | 'apply';
  readonly subresource?: 'status';
  readonly manager: string;
  readonly force?: boolean;
  readonly object: Json;
}

export interface Case {
  readonly apiVersion: string;
  readonly kind: string;
  readonly steps: readonly Step[];
}

type Json = Record<string, unknown>;

const kinds: readonly (readonly [string, string])[] = [
  ['batch/v1', 'Job'],
  ['batch/v1', 'CronJob'],
  ['v1', 'Pod'],
  ['v1', 'ConfigMap'],
  ['v1', 'Secret'],
  ['v1', 'Service'],
  ['v1', 'ServiceAccount'],
  ['v1', 'Node'],
  ['v1', 'Namespace'],
  ['v1', 'PersistentVolume'],
  ['v1', 'PersistentVolumeClaim'],
  ['v1', 'Event'],
  ['coordination.k8s.io/v1', 'Lease'],
  ['storage.k8s.io/v1', 'StorageClass'],
];
const managers = ['kubectl', 'helm', 'controller'];
/** More than upstream keeps apart. */
const updates = ['update'] as const;
const manyManagers = Array.from({ length: 14 }, (_, at) => `m${at}`);

export function randomCases(seed: number, count: number): Case[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, at) => randomCase(random, kinds[at % kinds.length]!));
}

function randomCase(random: Random, [apiVersion, kind]: readonly [string, string]): Case {
  const shape = shapeOfMessage(kind);
  const hasStatus = shape.fields.has('status');
  const steps: Step[] = [];
  const objects: Json[] = [];
  const crowd = chance(random, 20);
  const count = crowd ? 16 : 2 + randomInteger(random, 5);
  for (let at = 0; at < count; at++) {
    const op =
      at === 0
        ? pick(random, ['create', 'apply'] as const)
        : pick(random, crowd ? updates : (['update', 'apply', 'apply'] as const));
    const status = at > 0 && hasStatus && chance(random, 4);
    const object = nextObject(random, shape, { objects, apply: op === 'apply', status });
    Object.assign(object, { apiVersion, kind });
    const metadata: Json = { ...(object['metadata'] as Json | undefined), name: 'a' };
    object['metadata'] = metadata;
    if (op === 'create' && chance(random, 3)) metadata['annotations'] = lastApplied(object);
    objects.push(object);
    steps.push({
      op,
      ...(status ? { subresource: 'status' as const } : {}),
      manager: pick(random, crowd ? manyManagers : managers),
      ...(op === 'apply' && chance(random, 3) ? { force: true } : {}),
      object: op === 'apply' && chance(random, 30) ? spoiled(random, object) : object,
    });
  }
  return { apiVersion, kind, steps };
}

/** What kubectl apply leaves in an object that it makes. */
function lastApplied(object: Json): Json {
  return { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object) };
}

/** With something in it that the schema does not know. */
function spoiled(random: Random, sound: Json): Json {
  const object = structuredClone(sound);
  const places = Object.values(object).filter(isJson);
  const place = pick(random, places);
  const key = Object.keys(place).find((name) => !/Time/i.test(name));
  const fault = pick(random, ['unknown', 'list', 'text', 'number'] as const);
  if (fault === 'unknown' || key === undefined) place['unknown'] = 1;
  else place[key] = fault === 'list' ? [1] : fault === 'text' ? 'x' : 1;
  return object;
}

interface Past {
  readonly objects: readonly Json[];
  readonly apply: boolean;
  readonly status: boolean;
}

function nextObject(random: Random, shape: StructShape, { objects, apply, status }: Past): Json {
  const part = new StructBuilder(random, apply).object(shape, 0) as Json;
  if (!status) delete part['status'];
  const base = objects[randomInteger(random, objects.length + 1)];
  if (base === undefined || chance(random, 4)) return part;
  return changed(random, base, part);
}

/** An earlier object with some of its parts left out and some of another's in it. */
function changed(random: Random, base: Json, other: Json): Json {
  const result: Json = {};
  for (const key of new Set([...Object.keys(base), ...Object.keys(other)])) {
    const [mine, theirs] = [base[key], other[key]];
    if (isJson(mine) && isJson(theirs)) result[key] = changed(random, mine, theirs);
    else if (mine !== undefined && !chance(random, 5)) result[key] = mine;
    else if (theirs !== undefined && chance(random, 2)) result[key] = theirs;
  }
  return result;
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[randomInteger(random, list.length)] as T;
}

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (!isJson(value)) return value;
  const entries = Object.entries(value).map(([key, part]) => [key, withoutEmpty(part)] as const);
  return Object.fromEntries(
    entries.filter(([, part]) => typeof part !== 'object' || part === null || Object.keys(part).length > 0),
  );
}

/** True once in `of` times. */
function chance(random: Random, of: number): boolean {
  return randomInteger(random, of) === 0;
}

/** What the server owns; clients hardly ever send it. */
const serverFields = new Set([
  'uid',
  'resourceVersion',
  'selfLink',
  'managedFields',
  'generation',
  'name',
  'namespace',
]);
const oneOfAKind = new Set([
  'Volume',
  'VolumeSource',
  'PersistentVolumeSpec',
  'EnvVarSource',
  'Probe',
  'LifecycleHandler',
]);

class StructBuilder {
  readonly #random: Random;
  readonly #apply: boolean;

  constructor(random: Random, apply: boolean) {
    this.#random = random;
    this.#apply = apply;
  }

  object(shape: StructShape, depth: number): unknown {
    const result: Json = {};
    const few = shape.fields.size > 6 ? Math.ceil(shape.fields.size / (depth > 4 ? 2 : 4)) : 2;
    for (const field of shape.fields.values()) {
      if (shape.message === 'ObjectMeta' && serverFields.has(field.name)) continue;
      const wanted = ['spec', 'template', 'containers', 'jobTemplate', 'metadata', 'data'].includes(field.name);
      if (!(wanted && depth < 7) && !chance(this.#random, oneOfAKind.has(shape.message) ? shape.fields.size : few))
        continue;
      if (depth > 9 && field.shape.kind !== 'scalar') continue;
      if (this.#apply && chance(this.#random, 60)) result[field.name] = null;
      else result[field.name] = this.value(field.shape, field.name, depth + 1);
    }
    return result;
  }

  value(shape: Shape, name: string, depth: number): unknown {
    switch (shape.kind) {
      case 'scalar':
        return this.scalar(shape, name);
      case 'struct':
        return this.object(shape, depth);
      case 'map':
        return Object.fromEntries(
          ['a', 'b', 'c']
            .filter(() => chance(this.#random, 2))
            .map((key) => [key, this.value(shape.element, name, depth)]),
        );
      case 'list':
        return this.list(shape, name, depth);
    }
  }

  list(shape: ListShape, name: string, depth: number): unknown[] {
    const length = randomInteger(this.#random, 3);
    const items = Array.from({ length }, () => this.value(shape.element, name, depth));
    // Upstream tells an empty list from none in here, and only here; it stores neither.
    if (shape.relation === 'atomic') return items.map(withoutEmpty);
    if (shape.relation === 'set') return this.#apply || !chance(this.#random, 10) ? [...new Set(items)] : items;
    return this.keyed(items as Json[], shape);
  }

  /** Items with keys out of few; the same twice only in updates, and rarely. */
  keyed(items: readonly Json[], shape: ListShape): Json[] {
    const element = shape.element as StructShape;
    const seen = new Set<string>();
    const result: Json[] = [];
    for (const item of items) {
      const copy = { ...item };
      for (const key of shape.keys) {
        const field = element.fields.get(key)!;
        if (field.default === 'TCP' && chance(this.#random, 2)) delete copy[key];
        else copy[key] = this.scalar(field.shape as ScalarShape, key);
      }
      const id = JSON.stringify(shape.keys.map((key) => copy[key] ?? element.fields.get(key)?.default));
      if (seen.has(id) && (this.#apply || !chance(this.#random, 10))) continue;
      seen.add(id);
      result.push(copy);
    }
    return result;
  }

  scalar({ scalar }: ScalarShape, name: string): unknown {
    const random = this.#random;
    if (/Time(stamp)?$|^startedAt|^finishedAt|^timeAdded|^acquire|^renew/.test(name)) return this.time(name);
    if (name === 'protocol') return pick(random, ['TCP', 'UDP']);
    if (/[pP]ort$/.test(name)) return pick(random, [80, 443]);
    switch (scalar) {
      case 'string':
        return pick(
          random,
          ['data', 'stringData', 'binaryData'].includes(name) ? ['YQ==', 'Yg=='] : ['x', 'y', '', 'a<b'],
        );
      case 'numeric':
        return pick(random, [0, 1, 2]);
      case 'boolean':
        return chance(random, 2);
      case 'untyped':
        return pick(random, ['1', '2Gi']);
      case 'any':
        return {};
    }
  }

  time(name: string): string {
    const micro = ['eventTime', 'acquireTime', 'renewTime', 'lastObservedTime'].includes(name) ? '.000000' : '';
    return `2020-01-0${1 + randomInteger(this.#random, 2)}T00:00:00${micro}Z`;
  }
}
