import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Random } from '../clock/index.ts';
import type { SignCertificate } from '../controllers/certificates/index.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const yearMs = 365 * 24 * 3600_000;
/** Clients whose clocks are a little behind accept it, too (upstream: five minutes). */
const backdateMs = 5 * 60_000;

export interface SignerOptions {
  /** Where the CA lies. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Signs with the CA of a data directory. Its key and the library are read when there is something to sign. */
export function certificateSigner({ directory, clock, random }: SignerOptions): SignCertificate {
  return async (requestPem, seconds) => {
    await import('reflect-metadata');
    const x509 = await import('@peculiar/x509');
    x509.cryptoProvider.set(webcrypto);
    const request = new x509.Pkcs10CertificateRequest(requestPem);
    if (!(await request.verify())) throw new Error('the request is not signed with its own key');
    if (request.subjectName.getField('O').includes('system:masters'))
      throw new Error('no certificate makes its owner a member of system:masters');
    const authority = new x509.X509Certificate(readFileSync(join(directory, 'ca.crt'), 'utf8'));
    const nowMs = clock.now();
    const wantedMs = nowMs + Math.min((seconds ?? Infinity) * 1000, yearMs);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialOf(random),
      subject: request.subject,
      issuer: authority.subject,
      notBefore: new Date(nowMs - backdateMs),
      notAfter: new Date(Math.min(wantedMs, authority.notAfter.getTime())),
      publicKey: request.publicKey,
      signingKey: await readKey(join(directory, 'ca.key')),
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      ],
    });
    return `${certificate.toString('pem')}\n`;
  };
}

/** 127 random bits, positive as X.509 wants it. */
function serialOf(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[0]! &= 0x7f;
  return bytes.toString('hex');
}

async function readKey(path: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(readFileSync(path, 'utf8').replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
}
