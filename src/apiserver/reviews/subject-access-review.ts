import type { SubjectAccessReview } from '../../api/index.ts';
import { defineReview } from '../review.ts';
import {
  accessStatus,
  asUser,
  authorizationGroup,
  metadataErrors,
  questionErrors,
  refuseErrors,
  subjectErrors,
} from './access-review.ts';

/** May somebody? */
export const subjectAccessReview = defineReview<SubjectAccessReview>({
  resource: {
    ...authorizationGroup,
    resource: 'subjectaccessreviews',
    kind: 'SubjectAccessReview',
    namespaced: false,
  },
  singular: 'subjectaccessreview',
  answer: (question, { authorizer }) => {
    const { spec, metadata } = question;
    const errors = [...questionErrors(spec), ...subjectErrors(spec), ...metadataErrors(metadata)];
    refuseErrors('SubjectAccessReview', errors);
    return { ...question, status: accessStatus(spec, { user: asUser(spec), authorizer }) };
  },
});
