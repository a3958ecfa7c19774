import type { KubeObject, Resource } from '../api/index.ts';
import type { Authorizer } from './authorization/index.ts';
import type { UserInfo } from './kind.ts';
import type { TokenVerifier } from './tokens/index.ts';

/**
 * A kind that is asked and not kept: a POST carries the question and its answer carries the status, nothing is stored
 * (TokenReview, SelfSubjectAccessReview, …). One declarative file in `reviews/`; the generic code never names one.
 */
export interface ReviewDefinition<T extends KubeObject = KubeObject> {
  readonly resource: Resource<T>;
  readonly singular: string;
  /** The question with its status. @throws ApiError for questions that make no sense */
  readonly answer: (question: T, context: ReviewContext) => T;
}

/** What the answers are made from. */
export interface ReviewServices {
  readonly verifier: TokenVerifier;
  readonly authorizer: Authorizer;
}

export interface ReviewContext extends ReviewServices {
  /** Who asks. */
  readonly user: UserInfo;
  /** From the URL. */
  readonly namespace: string | undefined;
  readonly nowMs: number;
}

/** Forgets which object type a definition is for, so that all fit in one list; sound as `defineKind` is. */
export function defineReview<T extends KubeObject>(definition: ReviewDefinition<T>): ReviewDefinition {
  return definition as unknown as ReviewDefinition;
}
