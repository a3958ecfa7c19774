import type { SelfSubjectAccessReview } from '../../api/index.ts';
import { defineReview } from '../review.ts';
import { accessStatus, authorizationGroup, metadataErrors, questionErrors, refuseErrors } from './access-review.ts';

/** May I? What `kubectl auth can-i` asks. */
export const selfSubjectAccessReview = defineReview<SelfSubjectAccessReview>({
  resource: {
    ...authorizationGroup,
    resource: 'selfsubjectaccessreviews',
    kind: 'SelfSubjectAccessReview',
    namespaced: false,
  },
  singular: 'selfsubjectaccessreview',
  answer: (question, context) => {
    const { spec, metadata } = question;
    refuseErrors('SelfSubjectAccessReview', [...questionErrors(spec), ...metadataErrors(metadata)]);
    return { ...question, status: accessStatus(spec, context) };
  },
});
