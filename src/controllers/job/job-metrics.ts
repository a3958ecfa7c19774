import { jobFinishedCondition, type Job } from '../../api/index.ts';
import type { Counter, Histogram, Metrics } from '../../metrics/index.ts';
import type { ActPlan } from './plan.ts';

type ActionKind = ActPlan['action']['kind'];

const byResult = ['completion_mode', 'result', 'action'];
/** Upstream's: 4 ms doubling fifteen times. */
const syncBuckets = Array.from({ length: 15 }, (_, at) => 0.004 * 2 ** at);
const actions: Record<ActionKind, string> = {
  none: 'reconciling',
  create: 'pods_created',
  remove: 'pods_deleted',
  end: 'pods_deleted',
};

/** The Job controller's numbers under upstream's names (`pkg/controller/job/metrics`). */
export class JobMetrics {
  readonly #syncs: Counter;
  readonly #seconds: Histogram;
  readonly #finished: Counter;
  readonly #podsFinished: Counter;

  constructor(metrics: Metrics) {
    const prefix = 'job_controller_';
    this.#syncs = metrics.counter({ name: `${prefix}job_syncs_total`, help: 'Syncs of Jobs.', labels: byResult });
    this.#seconds = metrics.histogram({
      ...{ name: `${prefix}job_sync_duration_seconds`, help: 'How long a sync of a Job took.', labels: byResult },
      buckets: syncBuckets,
    });
    this.#finished = metrics.counter({
      ...{ name: `${prefix}jobs_finished_total`, help: 'Jobs that have finished.' },
      labels: ['completion_mode', 'result', 'reason'],
    });
    this.#podsFinished = metrics.counter({
      ...{ name: `${prefix}job_pods_finished_total`, help: 'Finished Pods that were counted in their Job.' },
      labels: ['completion_mode', 'result'],
    });
  }

  synced(job: Job, kind: ActionKind, of: { readonly failed: boolean; readonly ms: number }): void {
    const labels = [modeOf(job), of.failed ? 'error' : 'success', actions[kind]];
    this.#syncs.add(1, ...labels);
    this.#seconds.observe(of.ms / 1000, ...labels);
  }

  /** What the writes of a sync have changed in the status. */
  written(before: Job, after: Job): void {
    for (const result of ['succeeded', 'failed'] as const) {
      const more = (after.status[result] ?? 0) - (before.status[result] ?? 0);
      // An index that fails takes back what its Pods have succeeded in.
      if (more > 0) this.#podsFinished.add(more, modeOf(after), result);
    }
    const finished = jobFinishedCondition(after);
    if (finished === undefined || jobFinishedCondition(before) !== undefined) return;
    const result = finished.type === 'Complete' ? 'succeeded' : 'failed';
    this.#finished.add(1, modeOf(after), result, finished.reason ?? '');
  }
}

function modeOf({ spec }: Job): string {
  return spec.completionMode ?? 'NonIndexed';
}
