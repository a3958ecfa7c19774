import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Operations } from '../operations.ts';
import { negotiate } from './accept.ts';
import { answerJson, answerPathNotFound, commonHeaders } from './answer.ts';
import type { Call } from './call.ts';
import { openApiV2, openApiV2Protobuf } from './openapi-v2.ts';
import { openApiDocuments, openApiIndex, type OpenApiDocument } from './openapi-v3.ts';

/** What is sent of a document: its bytes, and those compressed once somebody took them so. */
interface Sendable {
  readonly hash: string;
  readonly body: Buffer;
  compressed?: Buffer;
}

/** Smaller answers are not worth compressing, as upstream. */
const gzipFromBytes = 128 * 1024;

/** Answers `/openapi/…`. Documents are made when the first client asks: many servers are never asked. */
export function createOpenApi({ kinds }: Operations): (call: Call, parts: readonly string[]) => void {
  let documents: ReadonlyMap<string, OpenApiDocument> | undefined;
  let second: Sendable | undefined;
  return (call, parts) => {
    const [, version, ...rest] = parts;
    if (version === 'v2' && rest.length === 0) {
      const protobuf = openApiV2Protobuf(call.exchange.header('accept'));
      if (protobuf !== undefined) {
        call.code = 200;
        return call.exchange.respond(200, commonHeaders(call, protobuf.contentType), protobuf.body);
      }
      second ??= sendable(openApiV2(kinds));
      return answerDocument(call, second);
    }
    if (version !== 'v3') return answerPathNotFound(call);
    documents ??= openApiDocuments(kinds);
    if (rest.length === 0) return answerJson(call, 200, openApiIndex(documents));
    const document = documents.get(rest.join('/'));
    return document === undefined ? answerPathNotFound(call) : answerDocument(call, document);
  };
}

function sendable(body: Buffer): Sendable {
  return { body, hash: createHash('sha256').update(body).digest('hex').toUpperCase() };
}

/** The URL of a document of version 3 carries its hash: what it answers may be kept for ever. */
function answerDocument(call: Call, document: Sendable): void {
  const { exchange } = call;
  negotiate(exchange.header('accept'));
  const headers = commonHeaders(call, 'application/json');
  const etag = `"${document.hash}"`;
  Object.assign(headers, { etag, vary: 'Accept, Accept-Encoding' });
  if (call.query['hash'] === document.hash) headers['cache-control'] = 'public, immutable';
  call.code = exchange.header('if-none-match') === etag ? 304 : 200;
  if (call.code === 304) return exchange.respond(304, headers);
  const large = document.body.length >= gzipFromBytes;
  if (!large || !/\bgzip\b/.test(exchange.header('accept-encoding') ?? '')) {
    return exchange.respond(200, headers, document.body);
  }
  headers['content-encoding'] = 'gzip';
  document.compressed ??= gzipSync(document.body, { level: 1 });
  exchange.respond(200, headers, document.compressed);
}
