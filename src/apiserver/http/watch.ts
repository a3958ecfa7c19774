import type { KindDefinition } from '../kind.ts';
import { randomInteger } from '../../clock/index.ts';
import { commonHeaders } from './answer.ts';
import type { Call, Services } from './call.ts';
import { integerOf, watchQueryOf } from './query.ts';
import { renderingOf } from './rendering.ts';
import { FrameEncoder } from './watch-frames.ts';
import { watchLimits, WatchStream } from './watch-stream.ts';

/** Upstream ends watches that set no time after 30 to 60 minutes, spread so that not all clients return at once. */
const defaultTimeoutMs = 30 * 60_000;

export interface WatchTarget {
  readonly kind: KindDefinition;
  readonly namespace: string | undefined;
  /** A watch of one object by the deprecated `/watch/…/<name>` path. */
  readonly name: string | undefined;
}

/** Answers with a stream of events, until the client goes, the time is up, or the server stops. */
export function serveWatch(call: Call, target: WatchTarget, services: Services): void {
  const { exchange } = call;
  const { clock, operations, random } = services;
  const rendering = renderingOf(target.kind, exchange, call.query, clock.now());
  const seconds = integerOf(call.query, 'timeoutSeconds') ?? 0;
  const timeoutMs = seconds > 0 ? seconds * 1000 : defaultTimeoutMs + randomInteger(random, defaultTimeoutMs);
  const query = watchQueryOf(call.query);
  const stream = new WatchStream(exchange, new FrameEncoder(rendering, () => clock.now()), clock, watchLimits);
  const watch = operations.watch(
    { kind: target.kind, namespace: target.namespace, user: call.user, warn: (text) => call.warnings.push(text) },
    target.name === undefined ? query : { ...query, fieldSelector: `metadata.name=${target.name}` },
    stream,
  );
  const timer = clock.after(timeoutMs, () => stream.onEnd());
  const forget = services.streams.add(() => stream.onEnd());
  exchange.onClose(() => {
    timer.cancel();
    forget();
    watch.close();
  });
  call.code = 200;
  exchange.start(200, commonHeaders(call, 'application/json'));
  stream.open();
}
