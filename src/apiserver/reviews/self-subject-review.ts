import { formatTime, type SelfSubjectReview } from '../../api/index.ts';
import { defineReview } from '../review.ts';
import { asApiUser } from './user-info.ts';

/** Who am I? What `kubectl auth whoami` asks. */
export const selfSubjectReview = defineReview<SelfSubjectReview>({
  resource: {
    group: 'authentication.k8s.io',
    version: 'v1',
    resource: 'selfsubjectreviews',
    kind: 'SelfSubjectReview',
    namespaced: false,
  },
  singular: 'selfsubjectreview',
  answer: (question, { user, nowMs }) => ({
    ...question,
    metadata: { creationTimestamp: formatTime(nowMs) } as SelfSubjectReview['metadata'],
    status: { userInfo: asApiUser(user) },
  }),
});
