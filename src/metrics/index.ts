// What is counted for monitoring. Promises: counting is cheap and never fails; nothing is computed before it is read.
// Must not know what is counted.
export {
  createMetrics,
  secondsBuckets,
  type Counter,
  type Histogram,
  type MetricOptions,
  type Metrics,
  type Observer,
} from './metrics.ts';
