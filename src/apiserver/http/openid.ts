import type { Call } from './call.ts';
import { commonHeaders } from './answer.ts';

/** What others need to check tokens of ServiceAccounts without asking this server about each (OpenID Connect Discovery). */
export interface OpenId {
  readonly issuer: string;
  /** Public keys as JSON Web Keys. */
  readonly keys: readonly Readonly<Record<string, string>>[];
  /** How clients reach this server, once it listens: `https://127.0.0.1:6443`. */
  readonly serverUrl: () => string | undefined;
}

export const openIdPaths = ['/.well-known/openid-configuration', '/openid/v1/jwks'] as const;

/** Keys hardly ever change; upstream's clients keep them for an hour. */
const cacheControl = 'public, max-age=3600';

/** Answers `path` if it is one of the two. */
export function serveOpenId(call: Call, openId: OpenId): boolean {
  switch (call.path) {
    case '/.well-known/openid-configuration':
      answer(call, 'application/json', {
        issuer: openId.issuer,
        jwks_uri: `${openId.serverUrl() ?? openId.issuer}/openid/v1/jwks`,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: [...new Set(openId.keys.map(({ alg }) => alg))],
      });
      return true;
    case '/openid/v1/jwks':
      answer(call, 'application/jwk-set+json', { keys: openId.keys });
      return true;
    default:
      return false;
  }
}

function answer(call: Call, contentType: string, body: object): void {
  const headers = commonHeaders(call, contentType);
  headers['cache-control'] = cacheControl;
  call.code = 200;
  call.exchange.respond(200, headers, JSON.stringify(body));
}
