import type { KubeObject, ObjectReference } from '../api/index.ts';

/** Events with the same reason but this many different messages within the window are combined into one. */
const similarLimit = 10;
const similarWindowMs = 10 * 60_000;
/** Per object: a burst, then one per five minutes. */
const spamBurst = 25;
const spamRefillMs = 5 * 60_000;
const rememberedObjects = 4096;

/** One Event object as this recorder knows it, new or written before. */
export interface Series {
  /** Not the object itself: series live long, and objects are large. */
  readonly involvedObject: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly fieldPath: string | undefined;
  message: string;
  count: number;
  firstMs: number;
  lastMs: number;
  /** The object in the cluster; undefined until it was written. */
  written: { readonly namespace: string; readonly name: string } | undefined;
  /** Waits to be written; further occurrences then only raise `count`. */
  queued: boolean;
  inFlight: boolean;
}

export interface Occurrence {
  readonly about: KubeObject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly fieldPath: string | undefined;
}

/** Occurrences of one type and reason about one object. All lists are short, so they are searched one by one. */
interface Group {
  readonly type: string;
  readonly reason: string;
  lastMs: number;
  messages: string[];
  series: Series[];
  combined: Series | undefined;
}

interface ObjectRecord {
  tokens: number;
  refilledMs: number;
  readonly groups: Group[];
}

/**
 * Decides which Event object an occurrence belongs to, per object it is about. The rules are those of upstream's
 * client-go `tools/record/events_cache.go`: identical events raise a count, the tenth different message of one reason
 * within ten minutes begins a combined event, and each object has a budget of events.
 */
export class EventCorrelator {
  /** Two generations: the older one is dropped when the younger is full, which costs nothing per event. */
  #young = new Map<string, ObjectRecord>();
  #old = new Map<string, ObjectRecord>();

  /** The series with this occurrence counted in, or undefined if the object's budget is used up. */
  observe(occurrence: Occurrence, nowMs: number): Series | undefined {
    const record = this.#recordOf(occurrence.about, nowMs);
    const group = groupOf(record, occurrence, nowMs);
    if (!takeToken(record, nowMs)) return undefined;
    const series = isOneTooMany(group, occurrence.message)
      ? combinedSeries(group, occurrence, nowMs)
      : plainSeries(group, occurrence, nowMs);
    series.count++;
    series.lastMs = nowMs;
    return series;
  }

  /** Whether there has been an event about this object that is still remembered. */
  knows(about: KubeObject): boolean {
    const key = keyOf(about);
    return this.#young.has(key) || this.#old.has(key);
  }

  #recordOf(about: KubeObject, nowMs: number): ObjectRecord {
    const key = keyOf(about);
    let record = this.#young.get(key);
    if (record !== undefined) return record;
    record = this.#old.get(key) ?? { tokens: spamBurst, refilledMs: nowMs, groups: [] };
    this.#young.set(key, record);
    if (this.#young.size >= rememberedObjects / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    return record;
  }
}

/** The uid says it all; what has none is told apart by its name. */
function keyOf({ kind, metadata }: KubeObject): string {
  return metadata.uid || `${kind}/${metadata.namespace ?? ''}/${metadata.name}`;
}

function groupOf(record: ObjectRecord, { type, reason }: Occurrence, nowMs: number): Group {
  let group = record.groups.find((candidate) => candidate.reason === reason && candidate.type === type);
  if (group === undefined) {
    group = { type, reason, lastMs: nowMs, messages: [], series: [], combined: undefined };
    record.groups.push(group);
  } else if (nowMs - group.lastMs > similarWindowMs) {
    group.messages = [];
    // What was written before stays known, as far as it is not too much, so that it goes on counting.
    if (group.series.length > similarLimit) group.series = [];
  }
  group.lastMs = nowMs;
  return group;
}

function isOneTooMany(group: Group, message: string): boolean {
  if (group.messages.includes(message)) return false;
  if (group.messages.length + 1 >= similarLimit) return true;
  group.messages.push(message);
  return false;
}

function takeToken(record: ObjectRecord, nowMs: number): boolean {
  const refill = (nowMs - record.refilledMs) / spamRefillMs;
  if (refill > 0) record.tokens = Math.min(spamBurst, record.tokens + refill);
  record.refilledMs = nowMs;
  if (record.tokens < 1) return false;
  record.tokens--;
  return true;
}

function plainSeries(group: Group, occurrence: Occurrence, nowMs: number): Series {
  const { message, fieldPath } = occurrence;
  let series = group.series.find((known) => known.message === message && known.fieldPath === fieldPath);
  if (series === undefined) group.series.push((series = newSeries(occurrence, nowMs)));
  return series;
}

function combinedSeries(group: Group, occurrence: Occurrence, nowMs: number): Series {
  group.combined ??= newSeries(occurrence, nowMs);
  group.combined.message = `(combined from similar events): ${occurrence.message}`;
  return group.combined;
}

function newSeries({ about, type, reason, message, fieldPath }: Occurrence, nowMs: number): Series {
  return {
    involvedObject: referenceTo(about, fieldPath),
    type,
    reason,
    fieldPath,
    message,
    count: 0,
    firstMs: nowMs,
    lastMs: nowMs,
    written: undefined,
    queued: false,
    inFlight: false,
  };
}

function referenceTo(about: KubeObject, fieldPath: string | undefined): ObjectReference {
  const { namespace, name, uid, resourceVersion } = about.metadata;
  const reference: ObjectReference = { kind: about.kind, name, uid, apiVersion: about.apiVersion, resourceVersion };
  if (namespace !== undefined) reference.namespace = namespace;
  if (fieldPath !== undefined) reference.fieldPath = fieldPath;
  return reference;
}
