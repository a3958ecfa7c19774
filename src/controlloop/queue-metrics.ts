import type { Metrics, Observer } from '../metrics/index.ts';
import type { Workqueue } from './workqueue.ts';

/** Upstream's: ten from 10 ns on, each ten times the one before. (client-go `util/workqueue` metrics.) */
const buckets = Array.from({ length: 10 }, (_, at) => Number(`1e${at - 8}`));
const labels = ['name'];

/** A queue's numbers under upstream's names. */
export class QueueMetrics {
  readonly #waited: Observer;
  readonly #worked: Observer;

  constructor({
    name,
    queue,
    metrics,
  }: {
    readonly name: string;
    readonly queue: Workqueue;
    readonly metrics: Metrics;
  }) {
    const depth = { name: 'workqueue_depth', help: 'Keys that wait for a worker.', labels };
    metrics.gauge(depth, () => queue.length, name);
    const adds = { name: 'workqueue_adds_total', help: 'Keys that were added.', labels };
    metrics.total(adds, () => queue.adds, name);
    const retries = { name: 'workqueue_retries_total', help: 'Keys that were added again after a failure.', labels };
    metrics.total(retries, () => queue.retries, name);
    const waited = { name: 'workqueue_queue_duration_seconds', help: 'How long keys waited for a worker.' };
    this.#waited = metrics.histogram({ ...waited, labels, buckets }).of(name);
    const worked = { name: 'workqueue_work_duration_seconds', help: 'How long the work on a key took.' };
    this.#worked = metrics.histogram({ ...worked, labels, buckets }).of(name);
  }

  began(waitedMs: number): void {
    this.#waited.observe(waitedMs / 1000);
  }

  ended(workedMs: number): void {
    this.#worked.observe(workedMs / 1000);
  }
}
