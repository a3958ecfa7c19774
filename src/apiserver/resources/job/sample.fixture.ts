import type { Job } from '../../../api/index.ts';
import { withValues } from '../rule-cases.fixture.ts';

/** What the tests of Jobs start from. */
export const sampleJob: Job = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: {
    name: 'count',
    namespace: 'default',
    uid: 'u-1',
    resourceVersion: '',
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'busybox:1.36' }] } } },
  status: {},
};
export const indexedJob = withValues(sampleJob, {
  'spec.completionMode': 'Indexed',
  'spec.completions': 5,
  'spec.parallelism': 5,
});

/** A condition of a Job's status. */
export const condition = (type: string, status = 'True'): object => ({ type, status });
