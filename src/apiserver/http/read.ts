import { answerJson } from './answer.ts';
import type { Call, Services } from './call.ts';
import { checkedListQueryOf } from './query.ts';
import { renderList, renderObject } from './render.ts';
import { renderingOf } from './rendering.ts';
import { sendPieces } from './send-pieces.ts';
import { refOfTarget, type NamedTarget, type Target } from './target.ts';

export async function serveGet(call: Call, target: NamedTarget, services: Services): Promise<void> {
  const rendering = renderingOf(target.kind, call.exchange, call.query, services.clock.now());
  const request = { kind: target.kind, namespace: target.namespace, user: call.user };
  const stored = await services.operations.get(request, refOfTarget(target));
  answerJson(call, 200, renderObject(stored, rendering));
}

export async function serveList(call: Call, target: Target, services: Services): Promise<void> {
  const rendering = renderingOf(target.kind, call.exchange, call.query, services.clock.now());
  const request = {
    kind: target.kind,
    namespace: target.namespace,
    user: call.user,
    warn: (text: string) => call.warnings.push(text),
  };
  const list = await services.operations.list(request, checkedListQueryOf(call.query));
  await sendPieces(call, renderList(list, rendering), services.clock);
}
