import type { Counter, Histogram, Metrics } from '../../metrics/index.ts';

/** Counts requests for /metrics, in the names that upstream uses. */
export class RequestMetrics {
  readonly #counts: Counter;
  readonly #durations: Histogram;

  constructor(metrics: Metrics) {
    const labels = ['verb', 'resource'];
    this.#counts = metrics.counter({
      ...{ name: 'apiserver_request_total', help: 'Requests by verb, resource and answer.' },
      labels: [...labels, 'code'],
    });
    this.#durations = metrics.histogram({
      ...{ name: 'apiserver_request_duration_seconds', help: 'How long requests took, but for streams.', labels },
    });
  }

  /** `resource` is empty for paths that are none. Streams are counted, but have no duration. */
  record(verb: string, resource: string, code: number, durationMs: number | undefined): void {
    this.#counts.add(1, verb, resource, String(code));
    if (durationMs !== undefined) this.#durations.observe(durationMs / 1000, verb, resource);
  }
}
