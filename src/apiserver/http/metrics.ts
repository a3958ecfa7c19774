/** Upper bounds of the duration histogram, in seconds. */
const bucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

interface Series {
  count: number;
  sumSeconds: number;
  readonly buckets: number[];
}

/** Counts requests for /metrics, in the names that upstream uses. */
export class RequestMetrics {
  readonly #counts = new Map<string, number>();
  readonly #durations = new Map<string, Series>();

  /** `resource` is empty for paths that are none. Streams are counted, but have no duration. */
  record(verb: string, resource: string, code: number, durationMs: number | undefined): void {
    const key = `verb="${verb}",resource="${resource}"`;
    const counted = `${key},code="${code}"`;
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1);
    if (durationMs !== undefined) this.#observe(key, durationMs / 1000);
  }

  #observe(key: string, seconds: number): void {
    let series = this.#durations.get(key);
    if (series === undefined) {
      series = { count: 0, sumSeconds: 0, buckets: bucketsSeconds.map(() => 0) };
      this.#durations.set(key, series);
    }
    series.count += 1;
    series.sumSeconds += seconds;
    const bucket = bucketsSeconds.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }

  /** Prometheus' text format. `counters` and `gauges` are further values by name. */
  render(counters: Readonly<Record<string, number>>, gauges: Readonly<Record<string, number>>): string {
    const lines = ['# TYPE apiserver_request_total counter'];
    for (const [labels, count] of this.#counts) lines.push(`apiserver_request_total{${labels}} ${count}`);
    lines.push('# TYPE apiserver_request_duration_seconds histogram');
    for (const [labels, series] of this.#durations) lines.push(...histogramLines(labels, series));
    for (const [name, value] of Object.entries(counters)) lines.push(`# TYPE ${name} counter`, `${name} ${value}`);
    for (const [name, value] of Object.entries(gauges)) lines.push(`# TYPE ${name} gauge`, `${name} ${value}`);
    return `${lines.join('\n')}\n`;
  }
}

function histogramLines(labels: string, series: Series): string[] {
  const name = 'apiserver_request_duration_seconds';
  let below = 0;
  const buckets = bucketsSeconds.map((bound, index) => {
    below += series.buckets[index] ?? 0;
    return `${name}_bucket{${labels},le="${bound}"} ${below}`;
  });
  return [
    ...buckets,
    `${name}_bucket{${labels},le="+Inf"} ${series.count}`,
    `${name}_sum{${labels}} ${series.sumSeconds}`,
    `${name}_count{${labels}} ${series.count}`,
  ];
}
