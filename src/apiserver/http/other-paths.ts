import { createHash } from 'node:crypto';
import type { Extension } from '../extension.ts';
import type { Operations } from '../operations.ts';
import { negotiate, parseAccept } from './accept.ts';
import { answerJson, answerPathNotFound, answerText, commonHeaders } from './answer.ts';
import type { Call } from './call.ts';
import { aggregatedDiscovery, coreVersions, groupDocument, groupList, groupsOf, resourceList } from './discovery.ts';
import { serveHealth, type HealthCheck } from './health.ts';
import { openIdPaths, serveOpenId, type OpenId } from './openid.ts';
import { createOpenApi } from './openapi.ts';
import { versionBody } from './version.ts';

export interface OtherPathsOptions {
  readonly operations: Operations;
  readonly healthChecks: readonly HealthCheck[];
  readonly metrics: () => string;
  readonly openId?: OpenId | undefined;
  readonly extensions: readonly Extension[];
}

/** Answers everything that is not about objects: discovery, OpenAPI, version, health, metrics. */
export function createOtherPaths(options: OtherPathsOptions): (call: Call, parts: readonly string[]) => void {
  const discovery = createDiscovery(options.operations, options.extensions);
  const openApi = createOpenApi(options.operations);
  const served = options.openId === undefined ? rootPaths : [...rootPaths, ...openIdPaths];
  const index = JSON.stringify({ paths: served.toSorted() });
  return (call, parts) => {
    switch (parts[0]) {
      case undefined:
        return answerJson(call, 200, index);
      case 'api':
      case 'apis':
        return discovery(call, parts);
      case 'openapi':
        return openApi(call, parts);
      case 'version':
        return parts.length === 1 ? answerJson(call, 200, versionBody) : answerPathNotFound(call);
      case 'healthz':
      case 'livez':
      case 'readyz':
        return serveHealth(call, call.query, parts, options.healthChecks);
      case 'metrics':
        return parts.length === 1 ? answerText(call, 200, options.metrics()) : answerPathNotFound(call);
      default:
        if (options.openId === undefined || !serveOpenId(call, options.openId)) answerPathNotFound(call);
    }
  };
}

const rootPaths = [
  '/api',
  '/apis',
  '/healthz',
  '/livez',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/readyz',
  '/version',
];

/** A document that stays the same as long as the server runs. */
interface FixedDocument {
  readonly body: Buffer;
  readonly etag: string;
}

function fixed(value: object): FixedDocument {
  const body = Buffer.from(JSON.stringify(value));
  return { body, etag: `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"` };
}

const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

function createDiscovery(
  operations: Operations,
  extensions: readonly Extension[],
): (call: Call, parts: readonly string[]) => void {
  const groups = groupsOf(operations.kinds, extensions);
  const documents = new Map<string, FixedDocument>([
    ['api', fixed(coreVersions())],
    ['apis', fixed(groupList(groups))],
  ]);
  for (const group of groups) {
    const root = group.name === '' ? 'api' : `apis/${group.name}`;
    if (group.name !== '') documents.set(root, fixed(groupDocument(group)));
    for (const version of group.versions)
      documents.set(`${root}/${version.version}`, fixed(resourceList(group, version)));
  }
  const aggregated = new Map<string, FixedDocument>([
    ['api', fixed(aggregatedDiscovery(groups.filter((group) => group.name === '')))],
    ['apis', fixed(aggregatedDiscovery(groups.filter((group) => group.name !== '')))],
  ]);
  return (call, parts) => {
    const path = parts.join('/');
    const document = documents.get(path);
    if (document === undefined) return answerPathNotFound(call);
    const together = aggregated.get(path);
    if (together === undefined) return answerFixed(call, document, 'application/json');
    if (wantsAggregated(call.exchange.header('accept'))) return answerFixed(call, together, aggregatedType);
    return answerFixed(call, document, 'application/json');
  };
}

/** Only version v2: a client that knows v2beta1 alone would not understand it, and takes the legacy form. */
function wantsAggregated(accept: string | undefined): boolean {
  if (accept === undefined || !accept.includes('APIGroupDiscoveryList')) return false;
  for (const { type, parameters } of parseAccept(accept)) {
    if (type !== 'application/json') continue;
    if (parameters.get('as') === undefined) return false;
    if (parameters.get('as') === 'APIGroupDiscoveryList' && parameters.get('v') === 'v2') return true;
  }
  return false;
}

/** With an ETag, so that clients need not load it again. */
function answerFixed(call: Call, document: FixedDocument, contentType: string): void {
  const { exchange } = call;
  // Clients without a JSON clause get their 406; those that only know v2beta1 offer JSON as well.
  if (contentType === 'application/json') negotiate(exchange.header('accept'));
  const headers = commonHeaders(call, contentType);
  Object.assign(headers, { etag: document.etag, vary: 'Accept' });
  call.code = exchange.header('if-none-match') === document.etag ? 304 : 200;
  if (call.code === 304) exchange.respond(304, headers);
  else exchange.respond(200, headers, document.body);
}
