import { badRequest, failure, parseTime } from '../api/index.ts';
import type { Extension, ExtensionRequest } from '../apiserver/index.ts';
import type { Clock } from '../clock/index.ts';
import type { TickList, TickQuery } from '../controllers/cronjob/index.ts';
import { parseDuration } from './duration.ts';

export interface TicksExtensionOptions {
  readonly clock: Clock;
  readonly explain: (query: TickQuery) => Promise<TickList>;
}

const base = '/rondo.dev/v1alpha1/namespaces';
const dayMs = 86_400_000;
const defaultLimit = 1000;
const maxLimit = 10_000;

/** Where the fate of a CronJob's ticks is served: `?since=&until=` (RFC 3339, or `-24h` before now; default: the last 24 hours), `?limit=`. */
export function ticksPath(namespace: string, cronJob: string): string {
  return `${base}/${encodeURIComponent(namespace)}/cronjobs/${encodeURIComponent(cronJob)}/ticks`;
}

/** Answers GET with a TickList. Read-only. */
export function ticksExtension(options: TicksExtensionOptions): Extension {
  return {
    path: base,
    serve: async (request) => {
      const match = /^\/rondo\.dev\/v1alpha1\/namespaces\/([^/]+)\/cronjobs\/([^/]+)\/ticks$/.exec(request.path);
      if (match === null) throw failure({ code: 404, reason: 'NotFound', message: 'no such path' });
      if (request.method !== 'GET')
        throw failure({ code: 405, reason: 'MethodNotAllowed', message: 'the fate of ticks can only be read' });
      const [namespace = '', name = ''] = match.slice(1).map(decodeURIComponent);
      const query = { namespace, name, ...windowOf(request, options.clock.now()) };
      return { code: 200, body: await options.explain(query) };
    },
  };
}

const parameters = ['since', 'until', 'limit'];

function windowOf({ query }: ExtensionRequest, nowMs: number): Pick<TickQuery, 'sinceMs' | 'untilMs' | 'limit'> {
  for (const name of Object.keys(query)) if (!parameters.includes(name)) throw badRequest(`unknown parameter ${name}`);
  // Without an end, what ran before the clock was set back belongs to it.
  const untilMs = instant(query, 'until', nowMs) ?? Infinity;
  const sinceMs = instant(query, 'since', nowMs) ?? Math.min(untilMs, nowMs) - dayMs;
  if (sinceMs > untilMs) throw badRequest('since: is after until');
  const limit = query['limit'] === undefined ? defaultLimit : Number(query['limit']);
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit)
    throw badRequest(`limit: must be a whole number from 1 to ${maxLimit}`);
  return { sinceMs, untilMs, limit };
}

function instant(query: ExtensionRequest['query'], name: string, nowMs: number): number | undefined {
  const text = query[name];
  if (text === undefined) return undefined;
  let ms = NaN;
  if (typeof text === 'string') ms = text.startsWith('-') ? nowMs + parseDuration(text) : parseTime(text);
  if (Number.isNaN(ms)) throw badRequest(`${name}: ${JSON.stringify(text)} is no instant like 2026-03-08T06:00:00Z`);
  return ms;
}
