import {
  formatTime,
  isAlreadyExists,
  isNamespaceTerminating,
  isNotFound,
  resources,
  type Draft,
  type Event,
} from '../api/index.ts';
import type { Client } from '../client/index.ts';
import type { Clock, Random } from '../clock/index.ts';
import type { Logger } from '../log/index.ts';
import type { EventRecorder } from './event-recorder.ts';
import { EventCorrelator, type Series } from './event-series.ts';

export interface EventRecorderOptions {
  readonly client: Client;
  /** `job-controller`, `kubelet`, … */
  readonly component: string;
  /** The node, for parts that run on one. */
  readonly host?: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const maxQueued = 1000;
const maxInFlight = 8;
/** Budget of one component: a burst, then this many per second. */
const burst = 1000;
const perSecond = 200;
const warnEveryMs = 60_000;

/**
 * A recorder of core/v1 Events. Writes happen behind the caller's back, several at a time but in order for each Event
 * object; occurrences that come while an Event waits to be written are written with it.
 */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new QueueingRecorder(options);
}

class QueueingRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #correlator = new EventCorrelator();
  readonly #queue: Series[] = [];
  #inFlight = 0;
  #wakePending = false;
  #tokens = burst;
  #refilledMs: number;
  #dropped = 0;
  #lastError: unknown;
  #warnedMs = -Infinity;
  #names = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#refilledMs = options.clock.monotonic();
  }

  event(...[about, type, reason, message, options]: Parameters<EventRecorder['event']>): void {
    this.#refill();
    // A flood of first events about new objects must cost next to nothing.
    if (this.#isFull() && !this.#correlator.knows(about)) {
      this.#drop(undefined);
      return;
    }
    const nowMs = this.#options.clock.now();
    const series = this.#correlator.observe({ about, type, reason, message, fieldPath: options?.fieldPath }, nowMs);
    // The spam filter is meant to be quiet: it only ever hits repetitions about one object.
    if (series === undefined || series.queued) return;
    if (this.#isFull()) {
      this.#drop(undefined);
      return;
    }
    this.#tokens--;
    this.#enqueue(series);
  }

  #enqueue(series: Series): void {
    series.queued = true;
    // While it is being written it is not in the queue; the end of that write puts it there.
    if (series.inFlight) return;
    this.#queue.push(series);
    if (this.#wakePending) return;
    this.#wakePending = true;
    queueMicrotask(() => {
      this.#wakePending = false;
      while (this.#inFlight < maxInFlight && this.#queue.length > 0) void this.#drain();
    });
  }

  /** One of up to eight writers. */
  async #drain(): Promise<void> {
    this.#inFlight++;
    for (let series = this.#queue.shift(); series !== undefined; series = this.#queue.shift()) {
      await this.#write(series);
    }
    this.#inFlight--;
  }

  async #write(series: Series): Promise<void> {
    series.queued = false;
    series.inFlight = true;
    try {
      if (series.written === undefined) await this.#create(series);
      else await this.#update(series, series.written);
    } catch (error) {
      this.#drop(error);
    }
    series.inFlight = false;
    if (!series.queued) return;
    series.queued = false;
    this.#enqueue(series);
  }

  async #create(series: Series): Promise<void> {
    const draft = this.#draft(series);
    const { client } = this.#options;
    try {
      await client.create(resources.events, draft);
      series.written = draft.metadata;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      // Two components named an event about one object alike in the same millisecond.
      const metadata = { ...draft.metadata, name: this.#name(series) };
      await client.create(resources.events, { ...draft, metadata });
      series.written = metadata;
    }
  }

  async #update(series: Series, ref: { readonly namespace: string; readonly name: string }): Promise<void> {
    const body = { count: series.count, lastTimestamp: formatTime(series.lastMs), message: series.message };
    try {
      await this.#options.client.patch(resources.events, ref, { type: 'merge', body });
    } catch (error) {
      // It was deleted, or its time was up: the series begins anew.
      if (!isNotFound(error)) throw error;
      series.count = 1;
      series.firstMs = series.lastMs;
      await this.#create(series);
    }
  }

  #draft(series: Series): Draft<Event> & { readonly metadata: { readonly namespace: string; readonly name: string } } {
    const { component, host } = this.#options;
    return {
      metadata: { name: this.#name(series), namespace: namespaceOf(series) },
      involvedObject: series.involvedObject,
      reason: series.reason,
      message: series.message,
      source: host === undefined ? { component } : { component, host },
      firstTimestamp: formatTime(series.firstMs),
      lastTimestamp: formatTime(series.lastMs),
      count: series.count,
      type: series.type,
      reportingComponent: component,
      reportingInstance: host ?? '',
    };
  }

  /** `<object>.<hex>` as upstream, where the number is the time in nanoseconds; ours has chance for its low digits. */
  #name(series: Series): string {
    const salt = (Math.floor(this.#options.random.float() * 2 ** 20) + this.#names++) % 2 ** 20;
    const hex = `${this.#options.clock.now().toString(16)}${salt.toString(16).padStart(5, '0')}`;
    return `${(series.involvedObject.name ?? '').slice(0, 252 - hex.length)}.${hex}`;
  }

  #isFull(): boolean {
    return this.#tokens < 1 || this.#queue.length >= maxQueued;
  }

  #refill(): void {
    const nowMs = this.#options.clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#refilledMs) / 1000) * perSecond);
    this.#refilledMs = nowMs;
  }

  #drop(error: unknown): void {
    // Whoever deletes a namespace wants its Events gone too: nothing that anybody should be warned of.
    if (isNamespaceTerminating(error)) return;
    this.#dropped++;
    this.#lastError = error ?? this.#lastError;
    const nowMs = this.#options.clock.monotonic();
    if (nowMs - this.#warnedMs < warnEveryMs) return;
    this.#warnedMs = nowMs;
    const { log, component } = this.#options;
    log.warn('events were dropped', { component, dropped: this.#dropped, error: this.#lastError ?? 'too many events' });
    this.#dropped = 0;
    this.#lastError = undefined;
  }
}

/** Events about cluster-scoped objects live in `default`, as upstream. */
function namespaceOf(series: Series): string {
  return series.involvedObject.namespace ?? 'default';
}
