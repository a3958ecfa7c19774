// The kinds that are asked and not kept. Promises: no side effects. Adding one is a file here and a line in this list.
import type { ReviewDefinition } from '../review.ts';
import { localSubjectAccessReview } from './local-subject-access-review.ts';
import { selfSubjectAccessReview } from './self-subject-access-review.ts';
import { selfSubjectReview } from './self-subject-review.ts';
import { selfSubjectRulesReview } from './self-subject-rules-review.ts';
import { subjectAccessReview } from './subject-access-review.ts';
import { tokenReview } from './token-review.ts';

export const allReviews: readonly ReviewDefinition[] = [
  tokenReview,
  selfSubjectReview,
  selfSubjectAccessReview,
  selfSubjectRulesReview,
  subjectAccessReview,
  localSubjectAccessReview,
];
