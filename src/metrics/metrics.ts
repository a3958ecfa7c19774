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
  /** The one with these label values, for those who observe it time and again. */
  of(...labelValues: readonly string[]): Observer;
}

export interface Observer {
  observe(value: number): void;
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

/** One value for each combination of label values. Found label by label: no text is put together to look one up. */
class ByLabels<T> {
  readonly #values: { readonly key: string; readonly value: T }[] = [];
  readonly #root = new Map<string, unknown>();
  readonly #make: () => T;

  constructor(make: () => T) {
    this.#make = make;
  }

  of(labelValues: readonly string[]): T {
    let level = this.#root;
    const last = labelValues.length - 1;
    for (let at = 0; at < last; at++) {
      const label = labelValues[at] ?? '';
      let next = level.get(label) as Map<string, unknown> | undefined;
      if (next === undefined) level.set(label, (next = new Map()));
      level = next;
    }
    const label = labelValues[last] ?? '';
    let value = level.get(label) as T | undefined;
    if (value === undefined) {
      level.set(label, (value = this.#make()));
      this.#values.push({ key: labelValues.join(separator), value });
    }
    return value;
  }

  /** In the order in which they were first used. */
  all(): readonly { readonly key: string; readonly value: T }[] {
    return this.#values;
  }
}

class CounterFamily implements Counter {
  readonly #options: MetricOptions;
  readonly #counts = new ByLabels(() => ({ count: 0 }));

  constructor(options: MetricOptions) {
    this.#options = options;
  }

  add(by: number, ...labelValues: readonly string[]): void {
    this.#counts.of(labelValues).count += by;
  }

  samples(): readonly string[] {
    const { name } = this.#options;
    return this.#counts.all().map(({ key, value }) => `${name}${labelText(this.#options, key)} ${value.count}`);
  }
}

class Series implements Observer {
  count = 0;
  sum = 0;
  /** Not cumulative yet. */
  readonly buckets: number[];
  readonly #bounds: readonly number[];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.buckets = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.count += 1;
    this.sum += value;
    for (let at = 0; at < this.#bounds.length; at++) {
      if (value > (this.#bounds[at] as number)) continue;
      this.buckets[at] = (this.buckets[at] as number) + 1;
      return;
    }
  }
}

class HistogramFamily implements Histogram {
  readonly #options: MetricOptions;
  readonly #bounds: readonly number[];
  readonly #series: ByLabels<Series>;

  constructor(options: MetricOptions, bounds: readonly number[]) {
    this.#options = options;
    this.#bounds = bounds;
    this.#series = new ByLabels(() => new Series(bounds));
  }

  observe(value: number, ...labelValues: readonly string[]): void {
    this.#series.of(labelValues).observe(value);
  }

  of(...labelValues: readonly string[]): Observer {
    return this.#series.of(labelValues);
  }

  samples(): readonly string[] {
    const { name } = this.#options;
    return this.#series.all().flatMap(({ key, value: { count, sum, buckets } }) => {
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
