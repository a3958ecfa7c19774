import { createHash } from 'node:crypto';
import { authenticated, type UserInfo } from '../kind.ts';
import type { TokenVerifier } from '../tokens/index.ts';
import type { Exchange } from './exchange.ts';

export interface Credentials {
  readonly tokens: ReadonlyMap<string, UserInfo>;
  readonly anonymous?: UserInfo;
  /** Knows the tokens of ServiceAccounts. */
  readonly verifier?: TokenVerifier;
}

type Authenticate = (exchange: Exchange) => UserInfo | undefined;

/**
 * Who sent a request: the client certificate (CN is the user, O the groups), else the bearer token, else the anonymous
 * user. Credentials that are wrong never count as none. Undefined: answer 401.
 */
export function createAuthenticator(credentials: Credentials): Authenticate {
  // Looked up by hash, so that the time a look-up takes tells nothing about the tokens.
  const users = new Map(
    [...credentials.tokens]
      .filter(([token]) => token !== '')
      .map(([token, user]) => [hashOf(token), authenticated(user)] as const),
  );
  const certificates = new WeakMap<object, CertificateUser>();
  const userOfToken = (token: string): UserInfo | undefined => {
    const verified = credentials.verifier?.verify(token);
    if (verified === undefined) return users.get(hashOf(token));
    return 'user' in verified ? authenticated(verified.user) : undefined;
  };
  return (exchange) => {
    let certificate = certificates.get(exchange.connection);
    if (certificate === undefined) {
      certificate = readCertificate(exchange);
      certificates.set(exchange.connection, certificate);
    }
    if (certificate.user !== undefined) return certificate.user;
    const authorization = exchange.header('authorization') ?? '';
    if (authorization !== '') return userOfToken(bearerToken(authorization));
    return certificate.presented ? undefined : credentials.anonymous;
  };
}

interface CertificateUser {
  readonly presented: boolean;
  readonly user?: UserInfo;
}

function readCertificate(exchange: Exchange): CertificateUser {
  const socket = exchange.tlsSocket();
  const certificate = socket?.getPeerCertificate();
  // `authorized` alone is not enough: it is also true for a resumed TLS 1.3 session without a certificate.
  if (socket === undefined || certificate === undefined || Object.keys(certificate).length === 0) {
    return { presented: false };
  }
  const names: unknown = certificate.subject?.CN;
  const name = Array.isArray(names) ? names[0] : names;
  if (!socket.authorized || typeof name !== 'string' || name === '') return { presented: true };
  const organizations: unknown = certificate.subject.O ?? [];
  const groups = [organizations].flat().filter((group) => typeof group === 'string');
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  const extra = { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] };
  return { presented: true, user: authenticated({ name, groups, extra }) };
}

function bearerToken(authorization: string): string {
  return /^bearer +([^ ]+) *$/i.exec(authorization)?.[1] ?? '';
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
