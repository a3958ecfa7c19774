import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../clock/index.ts';
import { writePrivateFile } from './data-directory.ts';

/** PEM texts of what the engine and its administrator identify themselves with. */
export interface Certificates {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly adminCert: string;
  readonly adminKey: string;
}

interface CertificateOptions {
  readonly directory: string;
  /** Names and addresses that clients may reach the server by, besides loopback. */
  readonly hosts: readonly string[];
  readonly nowMs: number;
  readonly random: Random;
}

const dayMs = 24 * 3600_000;
const caDays = 3650;
const leafDays = 365;
/** Certificates that end within this time are made anew at start. */
const renewMs = 30 * dayMs;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const loopbackHosts = ['localhost', '127.0.0.1', '::1', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];

/**
 * Reads the certificates of a data directory, making what is missing or about to end: a CA of its own, a server
 * certificate for loopback and `hosts`, and a client certificate of the administrator (group system:masters).
 */
export async function ensureCertificates(options: CertificateOptions): Promise<Certificates> {
  const hosts = [...new Set([...loopbackHosts, ...options.hosts])];
  const kept = read(options.directory);
  if (kept !== undefined && isUsable(kept, hosts, options.nowMs)) return kept;
  // Loaded only when certificates are made: once a year.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto);
  const issuer = new Issuer(x509, options);
  await issuer.loadOrMakeAuthority(options.directory);
  const server = await issuer.issue({ name: 'CN=rondo-server', hosts });
  const admin = await issuer.issue({ name: 'O=system:masters, CN=rondo-admin', hosts: [] });
  const made: Certificates = {
    ca: issuer.caPem,
    serverCert: server.cert,
    serverKey: server.key,
    adminCert: admin.cert,
    adminKey: admin.key,
  };
  for (const [name, text] of Object.entries(fileNames(made))) writePrivateFile(join(options.directory, name), text);
  return made;
}

function fileNames(certificates: Certificates): Record<string, string> {
  return {
    'ca.crt': certificates.ca,
    'server.crt': certificates.serverCert,
    'server.key': certificates.serverKey,
    'admin.crt': certificates.adminCert,
    'admin.key': certificates.adminKey,
  };
}

function read(directory: string): Certificates | undefined {
  const names = ['ca.crt', 'server.crt', 'server.key', 'admin.crt', 'admin.key'];
  if (!names.every((name) => existsSync(join(directory, name)))) return undefined;
  const [ca, serverCert, serverKey, adminCert, adminKey] = names.map((name) =>
    readFileSync(join(directory, name), 'utf8'),
  ) as [string, string, string, string, string];
  return { ca, serverCert, serverKey, adminCert, adminKey };
}

function isUsable(certificates: Certificates, hosts: readonly string[], nowMs: number): boolean {
  const { ca, server, admin } = parsed(certificates) ?? {};
  if (ca === undefined || server === undefined || admin === undefined) return false;
  const ends = [server, admin, ca].map((cert) => Date.parse(cert.validTo));
  if (ends.some((endMs) => endMs - nowMs < renewMs)) return false;
  return hosts.every((host) => (isAddress(host) ? server.checkIP(host) : server.checkHost(host)) !== undefined);
}

/** Undefined if they cannot be read or do not belong together: an engine that lost its power may have renewed half. */
function parsed(certificates: Certificates): Record<'ca' | 'server' | 'admin', X509Certificate> | undefined {
  const { serverCert, serverKey, adminCert, adminKey } = certificates;
  if (!belongTogether(serverCert, serverKey) || !belongTogether(adminCert, adminKey)) return undefined;
  try {
    const ca = new X509Certificate(certificates.ca);
    const [server, admin] = [new X509Certificate(serverCert), new X509Certificate(adminCert)];
    return server.verify(ca.publicKey) && admin.verify(ca.publicKey) ? { ca, server, admin } : undefined;
  } catch {
    return undefined;
  }
}

function belongTogether(certPem: string, keyPem: string): boolean {
  try {
    return new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    // At least one of them is no PEM.
    return false;
  }
}

function isAddress(host: string): boolean {
  return host.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

type X509 = typeof import('@peculiar/x509');
type KeyPair = webcrypto.CryptoKeyPair;

class Issuer {
  readonly #x509: X509;
  readonly #nowMs: number;
  readonly #random: Random;
  #keys: KeyPair | undefined;
  #certificate: InstanceType<X509['X509Certificate']> | undefined;

  constructor(x509: X509, options: Pick<CertificateOptions, 'nowMs' | 'random'>) {
    this.#x509 = x509;
    this.#nowMs = options.nowMs;
    this.#random = options.random;
  }

  get caPem(): string {
    return this.#authority.certificate.toString('pem') + '\n';
  }

  /** Keeps the CA when it is still good: clients that trust it go on trusting. */
  async loadOrMakeAuthority(directory: string): Promise<void> {
    const [certPath, keyPath] = [join(directory, 'ca.crt'), join(directory, 'ca.key')];
    if (existsSync(certPath) && existsSync(keyPath)) {
      const [certPem, keyPem] = [readFileSync(certPath, 'utf8'), readFileSync(keyPath, 'utf8')];
      if (belongTogether(certPem, keyPem)) {
        const certificate = new this.#x509.X509Certificate(certPem);
        if (certificate.notAfter.getTime() - this.#nowMs > leafDays * dayMs) {
          this.#certificate = certificate;
          this.#keys = await this.#importKeys(keyPem, certificate);
          return;
        }
      }
    }
    this.#keys = await generateKeys();
    const x509 = this.#x509;
    this.#certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: this.#serial(),
      name: 'CN=rondo-ca',
      ...this.#validity(caDays),
      keys: this.#keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ],
    });
    writePrivateFile(keyPath, await exportKey(this.#keys.privateKey));
  }

  async issue(leaf: {
    readonly name: string;
    readonly hosts: readonly string[];
  }): Promise<{ cert: string; key: string }> {
    const x509 = this.#x509;
    const authority = this.#authority;
    const keys = await generateKeys();
    const usage = leaf.hosts.length > 0 ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth;
    const names = leaf.hosts.map((value) => ({ type: isAddress(value) ? ('ip' as const) : ('dns' as const), value }));
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: this.#serial(),
      subject: leaf.name,
      issuer: authority.certificate.subject,
      ...this.#validity(leafDays),
      publicKey: keys.publicKey,
      signingKey: authority.keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ],
    });
    return { cert: certificate.toString('pem') + '\n', key: await exportKey(keys.privateKey) };
  }

  get #authority(): { keys: KeyPair; certificate: InstanceType<X509['X509Certificate']> } {
    if (this.#keys === undefined || this.#certificate === undefined) throw new Error('no certificate authority yet');
    return { keys: this.#keys, certificate: this.#certificate };
  }

  /** 127 random bits, positive as X.509 wants it. */
  #serial(): string {
    const bytes = Buffer.from(this.#random.bytes(16));
    bytes[0]! &= 0x7f;
    return bytes.toString('hex');
  }

  /** From an hour ago, so that a clock that is a little behind accepts it too. */
  #validity(days: number): { notBefore: Date; notAfter: Date } {
    return { notBefore: new Date(this.#nowMs - 3600_000), notAfter: new Date(this.#nowMs + days * dayMs) };
  }

  async #importKeys(pem: string, certificate: InstanceType<X509['X509Certificate']>): Promise<KeyPair> {
    const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    const privateKey = await webcrypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign']);
    return { privateKey, publicKey: await certificate.publicKey.export(webcrypto) } as KeyPair;
  }
}

async function generateKeys(): Promise<KeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as KeyPair;
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}
