import { generateKeyPairSync } from 'node:crypto';
import { createLocalJWKSet, jwtVerify, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { makeSigningKeyPem, readSigningKey } from './signing-key.ts';

const pem = makeSigningKeyPem();
const key = readSigningKey(pem);
const claims = { sub: 'somebody', aud: ['x'] };

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a signing key', () => {
  it('signs what an independent library verifies with the published key', async () => {
    const keys = createLocalJWKSet({ keys: [{ ...key.jwk }] });
    const { payload, protectedHeader } = await jwtVerify(key.sign(claims), keys, { audience: 'x' });
    expect(payload).toEqual(claims);
    expect(protectedHeader).toEqual({ alg: 'ES256', kid: key.id });
  });

  it('opens what it signed, also after it was read again', () => {
    expect(readSigningKey(pem).open(key.sign(claims))).toEqual(claims);
    expect(readSigningKey(pem).id).toBe(key.id);
  });

  it('opens nothing that was changed, or that another key signed', () => {
    const [head = '', payload = '', signature = ''] = key.sign(claims).split('.');
    const others = [
      `${head}.${encoded({ ...claims, sub: 'root' })}.${signature}`,
      `${encoded({ alg: 'none', kid: key.id })}.${payload}.`,
      `${encoded({ alg: 'none' })}.${payload}.${signature}`,
      `${encoded({ alg: 'HS256', kid: key.id })}.${payload}.${signature}`,
      `${encoded({ alg: 'ES256', kid: 'other' })}.${payload}.${signature}`,
      `${head}.${payload}.${signature.slice(2)}`,
      `${head}.${payload}`,
      `${head}.${payload}.${signature}.x`,
      readSigningKey(makeSigningKeyPem()).sign(claims),
      '',
      'a.b.c',
    ];
    for (const other of others) expect(key.open(other), other).toBeUndefined();
  });

  it('takes no public key for a secret (HS256 with the key that everybody may read)', async () => {
    const secret = Buffer.from(JSON.stringify(key.jwk));
    const forged = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: key.id }).sign(secret);
    expect(key.open(forged)).toBeUndefined();
  });

  it('refuses keys of other kinds', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const other = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    expect(() => readSigningKey(other)).toThrow('P-256');
    expect(() => readSigningKey('nothing')).toThrow();
  });
});
