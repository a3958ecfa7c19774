/** Seconds: what requests and commits take, up to a minute. */
export const secondsBuckets: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60,
];

export interface MetricOptions {
  /** As Prometheus wants names: `workqueue_depth`. */
  readonly name: string;
  readonly help: string;
  /** Names of the labels, in the order in which their values are given. */
  readonly labels?: readonly string[];
}

export interface Counter {
  add(by: number, ...labelValues: readonly string[]): void;
}

export interface Histogram {
  observe(value: number, ...labelValues: readonly string[]): void;
}

/** Numbers for `/metrics`: one for each engine. Counting costs a look-up; all else is done when somebody reads. */
export interface Metrics {
  /** The same metric again if there is one of that name. */
  counter(options: MetricOptions): Counter;
  histogram(options: MetricOptions & { readonly buckets?: readonly number[] }): Histogram;
  /** A value that is asked for when somebody reads. Values of the same labels are added up. */
  gauge(options: MetricOptions, read: () => number, ...labelValues: readonly string[]): void;
  /** As a gauge, for what only grows. */
  total(options: MetricOptions, read: () => number, ...labelValues: readonly string[]): void;
  /** In Prometheus' text format, in the order of the names. */
  render(): string;
}

export function createMetrics(): Metrics {
  return new Registry();
}

interface Family {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly options: MetricOptions;
  readonly samples: () => readonly string[];
}

class Registry implements Metrics {
  readonly #families = new Map<string, Family & { readonly metric: object }>();

  counter(options: MetricOptions): Counter {
    return this.#family(options, 'counter', () => new CounterFamily(options));
  }

  histogram(options: MetricOptions & { readonly buckets?: readonly number[] }): Histogram {
    return this.#family(options, 'histogram', () => new HistogramFamily(options, options.buckets ?? secondsBuckets));
  }

  gauge(options: MetricOptions, read: () => number, ...labelValues: readonly string[]): void {
    this.#family(options, 'gauge', () => new ReadFamily(options)).add(labelValues, read);
  }

  total(options: MetricOptions, read: () => number, ...labelValues: readonly string[]): void {
    this.#family(options, 'counter', () => new ReadFamily(options)).add(labelValues, read);
  }

  render(): string {
    const families = [...this.#families.values()].toSorted((a, b) => (a.options.name < b.options.name ? -1 : 1));
    const lines = families.flatMap(({ type, options: { name, help }, samples }) => [
      `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
      `# TYPE ${name} ${type}`,
      ...samples(),
    ]);
    return `${lines.join('\n')}\n`;
  }

  #family<M extends { samples(): readonly string[] }>(options: MetricOptions, type: Family['type'], make: () => M): M {
    const known = this.#families.get(options.name);
    if (known !== undefined) return known.metric as M;
    const metric = make();
    this.#families.set(options.name, { type, options, metric, samples: () => metric.samples() });
    return metric;
  }
}

/** Between label values in a key: no label value of ours holds it. */
const separator = '\0';

function labelText({ labels = [] }: MetricOptions, key: string, more = ''): string {
  const values = labels.length === 0 ? [] : key.split(separator);
  const pairs = labels.map((label, at) => `${label}="${escaped(values[at] ?? '')}"`);
  if (more !== '') pairs.push(more);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

class CounterFamily implements Counter {
  readonly #options: MetricOptions;
  readonly #values = new Map<string, number>();

  constructor(options: MetricOptions) {
    this.#options = options;
  }

  add(by: number, ...labelValues: readonly string[]): void {
    const key = labelValues.join(separator);
    this.#values.set(key, (this.#values.get(key) ?? 0) + by);
  }

  samples(): readonly string[] {
    return [...this.#values].map(([key, value]) => `${this.#options.name}${labelText(this.#options, key)} ${value}`);
  }
}

interface Series {
  count: number;
  sum: number;
  /** Not cumulative yet. */
  readonly buckets: number[];
}

class HistogramFamily implements Histogram {
  readonly #options: MetricOptions;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();

  constructor(options: MetricOptions, bounds: readonly number[]) {
    this.#options = options;
    this.#bounds = bounds;
  }

  observe(value: number, ...labelValues: readonly string[]): void {
    const key = labelValues.join(separator);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { count: 0, sum: 0, buckets: this.#bounds.map(() => 0) };
      this.#series.set(key, series);
    }
    series.count += 1;
    series.sum += value;
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket >= 0) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }

  samples(): readonly string[] {
    const { name } = this.#options;
    return [...this.#series].flatMap(([key, { count, sum, buckets }]) => {
      let below = 0;
      const label = (bound: string): string => labelText(this.#options, key, `le="${bound}"`);
      const lines = this.#bounds.map((bound, at) => {
        below += buckets[at] ?? 0;
        return `${name}_bucket${label(String(bound))} ${below}`;
      });
      const labels = labelText(this.#options, key);
      return [
        ...lines,
        `${name}_bucket${label('+Inf')} ${count}`,
        `${name}_sum${labels} ${sum}`,
        `${name}_count${labels} ${count}`,
      ];
    });
  }
}

class ReadFamily {
  readonly #options: MetricOptions;
  readonly #reads: { readonly key: string; readonly read: () => number }[] = [];

  constructor(options: MetricOptions) {
    this.#options = options;
  }

  add(labelValues: readonly string[], read: () => number): void {
    this.#reads.push({ key: labelValues.join(separator), read });
  }

  samples(): readonly string[] {
    const sums = new Map<string, number>();
    for (const { key, read } of this.#reads) sums.set(key, (sums.get(key) ?? 0) + read());
    return [...sums].map(([key, value]) => `${this.#options.name}${labelText(this.#options, key)} ${value}`);
  }
}
