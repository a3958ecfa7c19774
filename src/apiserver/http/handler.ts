import { failure } from '../../api/index.ts';
import type { Clock, Random } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import { isOpenPath, type Attributes, type Authorizer } from '../authorization/index.ts';
import { Auditor, type AuditSink, type RequestTrail } from '../audit/index.ts';
import { createMetrics, type Metrics } from '../../metrics/index.ts';
import type { Extension } from '../extension.ts';
import type { UserInfo } from '../kind.ts';
import type { Operations, PodStreams } from '../operations.ts';
import type { ReviewServices } from '../review.ts';
import { answerError, answerPathNotFound } from './answer.ts';
import type { Question } from './attributes.ts';
import { mastersOnly } from './authorize.ts';
import type { Call, Services } from './call.ts';
import type { Exchange } from './exchange.ts';
import { extensionAt, serveExtension } from './extensions.ts';
import { Gate } from './gate.ts';
import type { HealthCheck } from './health.ts';
import { impersonatedUser } from './impersonate.ts';
import { defaultInFlightLimits, InFlightRequests, type InFlightLimits } from './in-flight.ts';
import { RequestMetrics } from './metrics.ts';
import type { OpenId } from './openid.ts';
import { createOtherPaths } from './other-paths.ts';
import { splitPath } from './path.ts';
import { parseQuery } from './query.ts';
import {
  locateResource,
  methodNotAllowed,
  routeResource,
  unknownAttributes,
  type ResourceLocation,
} from './resource-paths.ts';
import { StreamSet } from './stream-set.ts';

export interface HttpHandlerOptions {
  readonly operations: Operations;
  readonly podStreams: PodStreams;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Absent: `system:masters` may do everything, other users may read discovery, version and health. */
  readonly authorizer?: Authorizer;
  /** Besides `ping`, for /healthz, /livez and /readyz. */
  readonly healthChecks?: readonly HealthCheck[];
  readonly openId?: OpenId;
  /** What answers reviews. Absent: there are none. */
  readonly reviewing?: ReviewServices;
  /** Paths beside the Kubernetes API. */
  readonly extensions?: readonly Extension[];
  /** Further counters for /metrics, by name in camel case. */
  readonly counters?: () => Readonly<Record<string, number>>;
  /** Where requests are counted, for /metrics. Default: nowhere else to be seen. */
  readonly metrics?: Metrics;
  /** Where it is written down who did what. Default: nowhere. */
  readonly audit?: AuditSink;
  /** Default: as many as upstream. */
  readonly inFlight?: InFlightLimits;
}

/** Answers requests. `authenticate` is per listener: undefined stands for a request without (good) credentials. */
export interface HttpHandler {
  readonly clock: Clock;
  handle(exchange: Exchange, authenticate: (exchange: Exchange) => UserInfo | undefined): void;
  /** Ends every watch and log stream; later ones end at once. */
  close(): void;
}

/** The whole HTTP API over `operations`. */
export function createHttpHandler(options: HttpHandlerOptions): HttpHandler {
  const { clock, log } = options;
  const services: Services = { authorizer: mastersOnly, ...options, streams: new StreamSet() };
  const metrics = options.metrics ?? createMetrics();
  const requests = new RequestMetrics(metrics);
  const auditor = options.audit && new Auditor(options.audit, clock);
  const inFlight = new InFlightRequests(options.inFlight ?? defaultInFlightLimits, metrics);
  const gate = new Gate({ inFlight, authorizer: services.authorizer, auditor });
  addCounters(metrics, options, services.streams);
  const serveOther = otherPathsOf(options, metrics);
  const { all, reviews } = options.operations.kinds;
  const known = new Set([...all, ...reviews].map(({ resource }) => `${resource.group}/${resource.version}`));

  /** Finds what a request is about, checks that the user may do it, and answers. */
  const serve = async (call: Call, label: RequestLabel): Promise<void> => {
    const parts = splitPath(call.path);
    const location = locateResource(parts);
    if (location === undefined || !known.has(`${location.group}/${location.version}`)) {
      const request = { method: methodOf(call), path: call.path, query: call.query };
      label.verb = request.method === 'GET' ? 'get' : 'other';
      label.attributes = otherAttributes(request, location);
      await gate.pass(call, label, () => {
        const extension = extensionAt(options.extensions ?? [], call.path);
        // What discovery tells of its objects is told like that of all others.
        if (extension !== undefined && (extension.objects === undefined || location !== undefined))
          return serveExtension(extension, call);
        if (location !== undefined) return answerPathNotFound(call);
        if (request.method !== 'GET') throw methodNotAllowed();
        return serveOther(call, parts);
      });
      return;
    }
    const request = { method: call.exchange.method, path: call.path, query: call.query };
    const route = routeResource(request, location, services.operations.kinds);
    label.verb = route.attributes.verb;
    label.resource = route.label;
    label.version = location.version;
    label.attributes = route.attributes;
    await gate.pass(call, label, () => route.serve(call, services));
  };

  const answer = async (
    exchange: Exchange,
    authenticate: (exchange: Exchange) => UserInfo | undefined,
  ): Promise<void> => {
    const startMs = clock.monotonic();
    const label: RequestLabel = { verb: '', resource: '', receivedMs: auditor === undefined ? 0 : clock.now() };
    const call: MutableCall = { exchange, auditId: options.random.uuid(), warnings: [], code: 0, ...nobodyYet };
    try {
      const question = exchange.target.indexOf('?');
      call.path = question < 0 ? exchange.target : exchange.target.slice(0, question);
      call.query = parseQuery(question < 0 ? '' : exchange.target.slice(question + 1));
      call.user = userOf(call, label, authenticate, services.authorizer);
      await serve(call, label);
    } catch (error) {
      answerError(call, error, log);
    }
    const streaming = label.verb === 'watch' || label.resource === 'pods/log';
    auditor?.answered(call, label);
    requests.record(label.verb, label.resource, call.code, streaming ? undefined : clock.monotonic() - startMs);
  };

  return {
    clock,
    handle: (exchange, authenticate) => {
      answer(exchange, authenticate).catch((error: unknown) => {
        log.error('a request could not be answered', { error, method: exchange.method });
        exchange.abort();
      });
    },
    close: () => services.streams.close(),
  };
}

function otherPathsOf(options: HttpHandlerOptions, metrics: Metrics): ReturnType<typeof createOtherPaths> {
  return createOtherPaths({
    operations: options.operations,
    healthChecks: [{ name: 'ping', healthy: () => true }, ...(options.healthChecks ?? [])],
    openId: options.openId,
    extensions: options.extensions ?? [],
    metrics: () => metrics.render(),
  });
}

interface RequestLabel extends RequestTrail {
  verb: string;
  resource: string;
}

type MutableCall = { -readonly [K in keyof Call]: Call[K] };

const nobody: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
const nobodyYet = { path: '/', query: {}, user: nobody };

function userOf(
  call: Call,
  label: RequestLabel,
  authenticate: (exchange: Exchange) => UserInfo | undefined,
  authorizer: Authorizer,
): UserInfo {
  const user = authenticate(call.exchange);
  label.sender = user;
  if (user !== undefined) return impersonatedUser(call.exchange, user, authorizer);
  if (isOpenPath(call.path) && (call.exchange.header('authorization') ?? '') === '') return (label.sender = nobody);
  throw failure({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
}

/** A HEAD asks for what a GET would get. */
function methodOf({ exchange }: Call): string {
  return exchange.method === 'HEAD' ? 'GET' : exchange.method;
}

/** Of what is no object here: a path of another sort, or one in a group that is not served. */
function otherAttributes(request: Question, location: ResourceLocation | undefined): Attributes {
  if (location !== undefined) return unknownAttributes(request, location);
  return { verb: request.method.toLowerCase(), path: request.path };
}

/** What is counted anyway, for tests of growth: `objectsScanned` becomes `rondo_objects_scanned_total`. */
function addCounters(metrics: Metrics, options: HttpHandlerOptions, streams: StreamSet): void {
  const longRunning = { name: 'apiserver_longrunning_requests', help: 'Watches and logs under way.' };
  metrics.gauge(longRunning, () => streams.size);
  const values = (): Readonly<Record<string, number>> => ({ ...options.operations.counters, ...options.counters?.() });
  for (const counter of Object.keys(values())) {
    const words = counter.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    metrics.total({ name: `rondo_${words}_total`, help: 'Work that was done.' }, () => values()[counter] ?? 0);
  }
}
