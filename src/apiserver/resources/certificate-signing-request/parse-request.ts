/** What is read of a request for a certificate (PKCS #10) before anybody signs it. */
export interface ParsedRequest {
  /** `O` of its subject: the groups of the user that it is for. */
  readonly organizations: readonly string[];
}

const sequence = 0x30;
const set = 0x31;
const bitString = 0x03;
const integer = 0x02;
/** 2.5.4.10 in DER. */
const organizationOid = Buffer.from([0x06, 0x03, 0x55, 0x04, 0x0a]);

/** Reads the base64 of a PEM text. Gives what is wrong with it otherwise. */
export function parseCertificateRequest(base64: string): ParsedRequest | string {
  const pem = Buffer.from(base64, 'base64').toString('latin1');
  const [, type, body] = /^\s*-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\s]+)-----END \1-----/m.exec(pem) ?? [];
  if (type !== 'CERTIFICATE REQUEST' && type !== 'NEW CERTIFICATE REQUEST')
    return 'PEM block type must be CERTIFICATE REQUEST';
  const parts = read(Buffer.from(body ?? '', 'base64'), sequence, [sequence, sequence, bitString]);
  const info = parts && elements(parts[0]!.content);
  if (info?.[0]?.tag !== integer || info[1]?.tag !== sequence || info[2]?.tag !== sequence)
    return 'asn1: structure error: not a certificate request';
  return { organizations: organizationsOf(info[1].content) };
}

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  readonly end: number;
}

/** The elements of the one that is all of `bytes`, if they are these. */
function read(bytes: Buffer, tag: number, tags: readonly number[]): readonly Element[] | undefined {
  const whole = elementAt(bytes, 0);
  if (whole?.tag !== tag || whole.end !== bytes.length) return undefined;
  const found = elements(whole.content);
  return found?.length === tags.length && found.every((one, at) => one.tag === tags[at]) ? found : undefined;
}

function elements(bytes: Buffer): readonly Element[] | undefined {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const element = elementAt(bytes, at);
    if (element === undefined) return undefined;
    found.push(element);
    at = element.end;
  }
  return found;
}

/** Undefined: it is longer than what there is. */
function elementAt(bytes: Buffer, at: number): Element | undefined {
  const [tag, first] = [bytes[at], bytes[at + 1]];
  if (tag === undefined || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const start = at + 2 + lengthBytes;
  if (lengthBytes > 4 || start > bytes.length || (first & 0x80 && lengthBytes === 0)) return undefined;
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
  const end = start + length;
  return end > bytes.length ? undefined : { tag, content: bytes.subarray(start, end), end };
}

/** Every name of the kind, in whichever of the sets it stands. */
function organizationsOf(subject: Buffer): readonly string[] {
  const attributes = (elements(subject) ?? []).flatMap(({ tag, content }) =>
    tag === set ? (elements(content) ?? []) : [],
  );
  return attributes.flatMap(({ content }) => {
    if (!content.subarray(0, organizationOid.length).equals(organizationOid)) return [];
    const value = elementAt(content, organizationOid.length);
    return value === undefined ? [] : [textOf(value)];
  });
}

/** BMPString has two bytes a character; all others that are met are ASCII or UTF-8. */
function textOf({ tag, content }: Element): string {
  return tag === 0x1e ? Buffer.from(content).swap16().toString('utf16le') : content.toString('utf8');
}
