import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';

/** Signs tokens, and tells its own from others'. */
export interface SigningKey {
  /** `kid`: the hash of the public key, as upstream's. */
  readonly id: string;
  /** The public half as a JSON Web Key. */
  readonly jwk: Readonly<Record<string, string>>;
  /** A JSON Web Token (compact form) of these claims. */
  sign(claims: object): string;
  /** The claims of a token that this key signed; undefined for anything else. What they mean is not looked at. */
  open(token: string): Readonly<Record<string, unknown>> | undefined;
}

/** The one algorithm: what a token's own header says is compared with it, never followed. */
const algorithm = 'ES256';
const signatureBytes = 64;

/** A new private key, as PEM. */
export function makeSigningKeyPem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** @throws Error for a text that is no private key on the curve P-256 */
export function readSigningKey(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('it is no key on the curve P-256');
  const publicKey = createPublicKey(privateKey);
  const id = keyId(publicKey);
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const header = encode({ alg: algorithm, kid: id });
  return {
    id,
    jwk: { use: 'sig', kty: 'EC', kid: id, crv: 'P-256', alg: algorithm, x, y },
    sign: (claims) => {
      const text = `${header}.${encode(claims)}`;
      const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return `${text}.${signature.toString('base64url')}`;
    },
    open: (token) => {
      const parts = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(token);
      if (parts === null) return undefined;
      const [, head = '', payload = '', signed = ''] = parts;
      const { alg, kid } = decode(head) ?? {};
      const signature = Buffer.from(signed, 'base64url');
      if (alg !== algorithm || (kid !== undefined && kid !== id) || signature.length !== signatureBytes)
        return undefined;
      const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
      return verify('sha256', Buffer.from(`${head}.${payload}`), key, signature) ? decode(payload) : undefined;
    },
  };
}

function keyId(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Undefined for what is no JSON object. */
function decode(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    // Whoever sends a token may send anything.
    return undefined;
  }
}
