// The kinds that are asked and not kept. Promises: no side effects. Adding one is a file here and a line in this list.
import type { ReviewDefinition } from '../review.ts';
import { selfSubjectReview } from './self-subject-review.ts';
import { tokenReview } from './token-review.ts';

export const allReviews: readonly ReviewDefinition[] = [tokenReview, selfSubjectReview];
