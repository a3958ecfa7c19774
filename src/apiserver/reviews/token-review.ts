import { badRequest, type TokenReview, type TokenReviewStatus } from '../../api/index.ts';
import { authenticated } from '../kind.ts';
import { defineReview } from '../review.ts';
import type { TokenVerifier } from '../tokens/index.ts';
import { asApiUser } from './user-info.ts';

/** Whom does this token stand for? Only tokens of ServiceAccounts are known: the administrator's is nobody's business. */
export const tokenReview = defineReview<TokenReview>({
  resource: {
    group: 'authentication.k8s.io',
    version: 'v1',
    resource: 'tokenreviews',
    kind: 'TokenReview',
    namespaced: false,
  },
  singular: 'tokenreview',
  answer: (question, { verifier }) => {
    const { token = '', audiences = [] } = question.spec;
    if (token === '') throw badRequest('token is required for TokenReview in authentication');
    return { ...question, status: statusOf(verifier, token, audiences) };
  },
});

/** Texts as upstream's chain of authenticators puts them together; clients match on them. */
function statusOf(verifier: TokenVerifier, token: string, audiences: readonly string[]): TokenReviewStatus {
  const verified = verifier.verify(token, audiences.length === 0 ? undefined : audiences);
  if (verified === undefined) return { user: {}, error: 'invalid bearer token' };
  if ('error' in verified) return { user: {}, error: `[invalid bearer token, ${verified.error}]` };
  return {
    authenticated: true,
    user: asApiUser(authenticated(verified.user)),
    audiences: verified.audiences,
  };
}
