import { createInflate, type Inflate } from 'node:zlib';

/** Names and values that both sides know beforehand (SPDY/3.1, 2.6.10.1): first each with its length, then a mere text. */
const words =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow ' +
  'authorization cache-control connection content-base content-encoding content-language content-length ' +
  'content-location content-md5 content-range content-type date etag expect expires from host if-match ' +
  'if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma ' +
  'proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade ' +
  'user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie ' +
  'keep-alive origin';
const text =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative ' +
  'Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal ' +
  'Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, ' +
  'Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,' +
  'application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8' +
  'charset=iso-8859-1,utf-,*,enq=0.';
const dictionary = Buffer.concat([
  ...words.split(' ').map((word) => withLength(word.replace('_', ' '))),
  Buffer.from(text, 'latin1'),
]);

/** Far more than the three short headers of a stream; a block that grows beyond is an attack. */
const maxBlockBytes = 64 << 10;

/** Reads the header blocks of one connection: they are one compressed stream, cut into pieces. */
export class HeaderReader {
  readonly #inflate: Inflate = createInflate({ dictionary });
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor() {
    this.#inflate.on('data', (piece: Buffer) => {
      this.#pieces.push(piece);
      this.#bytes += piece.length;
      if (this.#bytes > maxBlockBytes) this.#inflate.destroy(new RangeError('a header block is too large'));
    });
  }

  /** @throws (rejects) Error if the block is not what SPDY/3.1 asks for */
  async read(block: Buffer): Promise<ReadonlyMap<string, string>> {
    await new Promise<void>((resolve, reject) => {
      this.#inflate.once('error', reject);
      // What was compressed up to here has been given out when this is called: blocks end in a flush.
      this.#inflate.write(block, () => {
        this.#inflate.off('error', reject);
        resolve();
      });
    });
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    return pairsOf(bytes);
  }

  close(): void {
    this.#inflate.destroy();
  }
}

function pairsOf(bytes: Buffer): Map<string, string> {
  let at = 0;
  const number = (): number => {
    const value = bytes.readUInt32BE(at);
    at += 4;
    return value;
  };
  const string = (): string => {
    const length = number();
    if (length > bytes.length - at) throw new RangeError('a header is longer than its block');
    at += length;
    return bytes.toString('latin1', at - length, at);
  };
  const pairs = new Map<string, string>();
  for (let left = number(); left > 0; left--) pairs.set(string().toLowerCase(), string());
  return pairs;
}

/**
 * Writes the header blocks of one connection. They are few and short, so that nothing is worth being compressed: the
 * stream is one of stored blocks (RFC 1950, 1951).
 */
export class HeaderWriter {
  #begun = false;

  next(headers: Readonly<Record<string, string>> = {}): Buffer {
    const pairs = Object.entries(headers);
    const block = Buffer.concat([
      uint32(pairs.length),
      ...pairs.flatMap(([name, value]) => [withLength(name), withLength(value)]),
    ]);
    // The block, and an empty one: that is how a flush looks, and Go waits for one.
    const stored = Buffer.concat([storedHead(block.length), block, storedHead(0)]);
    if (this.#begun) return stored;
    this.#begun = true;
    // Method and window, then: with a dictionary, whose checksum follows.
    return Buffer.concat([Buffer.from([0x78, 0xbb]), uint32(adler32(dictionary)), stored]);
  }
}

function storedHead(length: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt16LE(length, 1);
  head.writeUInt16LE(length ^ 0xffff, 3);
  return head;
}

function adler32(bytes: Buffer): number {
  let [low, high] = [1, 0];
  for (const byte of bytes) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  return high * 65_536 + low;
}

function withLength(word: string): Buffer {
  const bytes = Buffer.from(word, 'latin1');
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
