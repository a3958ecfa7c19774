import type { KubeObject } from '../../api/index.ts';
import type { ReviewDefinition } from '../review.ts';
import { answerJson } from './answer.ts';
import type { Call, Services } from './call.ts';
import { writeQueryOf } from './query.ts';
import { expectedOf } from './target.ts';
import { readObject } from './write.ts';

/** POST of a kind that is only asked. */
export async function serveReview(
  call: Call,
  target: { readonly review: ReviewDefinition; readonly namespace: string | undefined },
  { clock, reviewing }: Services,
): Promise<void> {
  if (reviewing === undefined) throw new Error('this server has nothing to answer reviews with');
  const query = writeQueryOf(call.query, 'CreateOptions', call.exchange.header('user-agent'));
  const { review, namespace } = target;
  const question = await readObject(call, expectedOf(review), query);
  const asked = { metadata: {}, spec: {}, ...question } as unknown as KubeObject;
  const context = { ...reviewing, user: call.user, namespace, nowMs: clock.now() };
  answerJson(call, 201, JSON.stringify(review.answer(asked, context)));
}
