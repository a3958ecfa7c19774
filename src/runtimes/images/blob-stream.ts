import { createHash } from 'node:crypto';
import { createGunzip } from 'node:zlib';
import { Readable, Transform } from 'node:stream';
import { Decompress } from 'fzstd';

/**
 * Passes bytes on, and ends with an error unless their digest is the expected one. Whoever uses them must not rely on them
 * before the end.
 */
export async function* checked(
  bytes: AsyncIterable<Uint8Array>,
  digest: string,
  what: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
  const found = `sha256:${hash.digest('hex')}`;
  if (found !== digest) throw new Error(`${what} has digest ${found}, not ${digest}: it is damaged or was changed`);
}

/** The tar stream in a layer, which may be compressed with gzip or zstd: the first bytes tell. */
export async function* decompressed(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 4) {
    const { done, value } = await iterator.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const whole = resumed(head, iterator);
  if (head[0] === 0x1f && head[1] === 0x8b) yield* through(whole, createGunzip());
  else if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) yield* through(whole, zstdDecompressor());
  else yield* whole;
}

async function* resumed(head: Buffer, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield head;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

async function* through(bytes: AsyncIterable<Uint8Array>, transform: Transform): AsyncGenerator<Uint8Array> {
  const source = Readable.from(bytes);
  source.on('error', (error) => transform.destroy(error));
  source.pipe(transform);
  try {
    yield* transform as AsyncIterable<Uint8Array>;
  } finally {
    // Who has had enough wants no more of it either.
    source.destroy();
  }
}

/** Node has it from 22.15 on only. */
function zstdDecompressor(): Transform {
  const transform: Transform = new Transform({
    transform: (chunk: Buffer, _encoding, done) => attempt(() => stream.push(chunk), done),
    flush: (done) => attempt(() => stream.push(new Uint8Array(0), true), done),
  });
  const stream = new Decompress((chunk) => void transform.push(chunk));
  return transform;
}

function attempt(call: () => void, done: (error?: Error | null) => void): void {
  try {
    call();
  } catch (error) {
    done(error as Error);
    return;
  }
  done();
}
