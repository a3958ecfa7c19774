import type { Clock } from '../../clock/index.ts';
import type { Attributes, Decision } from '../authorization/index.ts';
import type { UserInfo } from '../kind.ts';
import { auditLine, type AuditAnswer, type AuditedRequest } from './event.ts';

/** Where lines go. Must not throw, nor take its time. */
export interface AuditSink {
  write(line: string): void;
}

/** What becomes known of a request on its way. */
export interface RequestTrail {
  /** Wall time. Read only where somebody writes it down. */
  readonly receivedMs: number;
  /** Who sent it; undefined: nobody knows. */
  sender?: UserInfo | undefined;
  attributes?: Attributes;
  /** `v1` */
  version?: string | undefined;
  decision?: Decision | undefined;
  /** Whether it lasts as long as the client likes. */
  long?: boolean;
}

/** The part of a request that is the same whatever becomes of it. */
export interface AuditedCall {
  readonly auditId: string;
  readonly code: number;
  readonly reason?: string | undefined;
  readonly user: UserInfo;
  readonly exchange: {
    readonly method: string;
    readonly target: string;
    header(name: string): string | undefined;
    tlsSocket(): { readonly remoteAddress?: string | undefined } | undefined;
    onClose(call: () => void): void;
  };
}

/** Paths that are asked all the time and tell nothing: probes, and what clients read before every command. */
const uninteresting = /^\/(?:version|healthz|livez|readyz|metrics|api|apis|openapi)(?:\/|$)/;

/**
 * Writes down what clients did, over HTTP only: what the engine's own controllers do is seen in Events and objects.
 * Requests are written when they are answered; those that last (watches, exec, logs, …) when they begin, too.
 */
export class Auditor {
  readonly #sink: AuditSink;
  readonly #clock: Clock;

  constructor(sink: AuditSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  /** For requests that last: they may last for hours. */
  began(call: AuditedCall, trail: RequestTrail): void {
    this.#sink.write(auditLine(requestOf(call, trail), 'RequestReceived', this.#clock.now()));
  }

  answered(call: AuditedCall, trail: RequestTrail): void {
    if (trail.attributes?.resource === undefined && call.code < 400 && isUninteresting(call.exchange)) return;
    const request = requestOf(call, trail);
    // Nothing was answered where the client went away before.
    const answer: AuditAnswer | undefined = call.code === 0 ? undefined : { code: call.code, reason: call.reason };
    const write = (): void => this.#sink.write(auditLine(request, 'ResponseComplete', this.#clock.now(), answer));
    if (trail.long === true) call.exchange.onClose(write);
    else write();
  }
}

function isUninteresting({ method, target }: AuditedCall['exchange']): boolean {
  return (method === 'GET' || method === 'HEAD') && uninteresting.test(target.split('?', 1)[0] ?? '');
}

function requestOf(call: AuditedCall, trail: RequestTrail): AuditedRequest {
  const { exchange, auditId, user } = call;
  const { receivedMs, sender, attributes, decision, version } = trail;
  return {
    auditId,
    method: exchange.method,
    uri: exchange.target,
    receivedMs,
    sourceAddress: exchange.tlsSocket()?.remoteAddress,
    userAgent: exchange.header('user-agent'),
    user: sender,
    impersonated: sender === undefined || sender === user ? undefined : user,
    attributes,
    decision,
    apiVersion: version,
  };
}
