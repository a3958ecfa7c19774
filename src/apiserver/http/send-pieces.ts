import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { Clock } from '../../clock/index.ts';
import { commonHeaders } from './answer.ts';
import type { Reply } from './call.ts';

/** Smaller answers are not worth compressing, as upstream. */
const gzipFromBytes = 128 * 1024;
/** How long pieces are made before other work gets its turn. */
const sliceMs = 5;

/** Sends a JSON answer piece by piece, no faster than the client reads, compressed if it is large and gzip is offered. */
export async function sendPieces(reply: Reply, pieces: Iterator<Buffer>, clock: Clock): Promise<void> {
  const first = pieces.next();
  if (first.done === true) throw new Error('an answer without a single piece');
  const second = pieces.next();
  const headers = commonHeaders(reply, 'application/json');
  const large = second.done !== true || first.value.length >= gzipFromBytes;
  const gzip = large && /\bgzip\b/.test(reply.exchange.header('accept-encoding') ?? '');
  reply.code = 200;
  if (second.done === true && !gzip) {
    reply.exchange.respond(200, headers, first.value);
    return;
  }
  if (gzip) Object.assign(headers, { 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
  reply.exchange.start(200, headers);
  const all = chain([first.value, ...(second.done === true ? [] : [second.value])], pieces);
  await writeAll(reply, gzip ? compressed(all) : all, clock);
}

async function writeAll(reply: Reply, pieces: Iterable<Buffer> | AsyncIterable<Buffer>, clock: Clock): Promise<void> {
  const { exchange } = reply;
  let sliceStart = clock.monotonic();
  for await (const piece of pieces) {
    if (exchange.closed) return;
    if (!exchange.write(piece)) {
      await exchange.drained();
      sliceStart = clock.monotonic();
    } else if (clock.monotonic() - sliceStart > sliceMs) {
      await clock.yield();
      sliceStart = clock.monotonic();
    }
  }
  exchange.end();
}

function* chain(start: readonly Buffer[], rest: Iterator<Buffer>): Generator<Buffer> {
  yield* start;
  for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value;
}

function compressed(pieces: Iterable<Buffer>): AsyncIterable<Buffer> {
  // An error of either stage destroys the last one, and so reaches whoever iterates over it.
  return pipeline(Readable.from(pieces), createGzip({ level: 1 }), () => undefined);
}
