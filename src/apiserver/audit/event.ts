import { formatMicroTime } from '../../api/index.ts';
import type { Attributes, Decision } from '../authorization/index.ts';
import type { UserInfo } from '../kind.ts';

/** When in the life of a request something is written down. */
export type AuditStage = 'RequestReceived' | 'ResponseComplete';

/** What is written down of a request: nothing of its body or its answer's. */
export interface AuditedRequest {
  readonly auditId: string;
  readonly method: string;
  /** Path and query. */
  readonly uri: string;
  readonly receivedMs: number;
  readonly sourceAddress: string | undefined;
  readonly userAgent: string | undefined;
  /** Undefined: nobody knows who. */
  readonly user: UserInfo | undefined;
  /** Whom the user acted as. */
  readonly impersonated: UserInfo | undefined;
  /** Undefined: it was refused before anybody found out. */
  readonly attributes: Attributes | undefined;
  readonly decision: Decision | undefined;
  readonly apiVersion: string | undefined;
}

export interface AuditAnswer {
  readonly code: number;
  /** Of a Status that says what went wrong. Its message is left out: it can quote what the client sent. */
  readonly reason: string | undefined;
}

/** One line of the log: an Event of audit.k8s.io/v1 at level Metadata, as JSON without an end of line. */
export function auditLine(request: AuditedRequest, stage: AuditStage, nowMs: number, answer?: AuditAnswer): string {
  const { attributes, decision, user, impersonated } = request;
  return JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: request.auditId,
    stage,
    requestURI: request.uri,
    verb: attributes?.verb ?? request.method.toLowerCase(),
    user: user === undefined ? {} : userOf(user),
    impersonatedUser: impersonated && userOf(impersonated),
    sourceIPs: request.sourceAddress === undefined ? undefined : [request.sourceAddress],
    userAgent: request.userAgent,
    objectRef: attributes?.resource && objectOf(attributes.resource, request.apiVersion),
    responseStatus: answer && statusOf(answer),
    requestReceivedTimestamp: formatMicroTime(request.receivedMs),
    stageTimestamp: formatMicroTime(nowMs),
    annotations: decision && {
      'authorization.k8s.io/decision': decision.allowed ? 'allow' : 'forbid',
      'authorization.k8s.io/reason': decision.reason ?? '',
    },
  });
}

function userOf({ name, uid, groups, extra }: UserInfo): object {
  return { username: name, uid, groups, extra };
}

function objectOf(of: NonNullable<Attributes['resource']>, apiVersion: string | undefined): object {
  const { resource, namespace, name, group, subresource } = of;
  return { resource, namespace, name, apiGroup: group === '' ? undefined : group, apiVersion, subresource };
}

function statusOf({ code, reason }: AuditAnswer): object {
  return { metadata: {}, ...(code >= 400 && { status: 'Failure', reason }), code };
}
