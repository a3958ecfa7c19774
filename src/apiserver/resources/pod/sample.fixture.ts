import type { Pod } from '../../../api/index.ts';

/** What the tests of Pods start from. */
export const samplePod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'p',
    namespace: 'default',
    uid: 'u-1',
    resourceVersion: '',
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  spec: { containers: [{ name: 'main', image: 'busybox' }] },
  status: {},
};
