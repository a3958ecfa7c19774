import type { KubeObject } from '../../api/index.ts';
import type { Clock, Random } from '../../clock/index.ts';
import { defaultAudiences, serviceAccountUser, tokenIssuer, type ClaimedObject, type TokenClaims } from './claims.ts';
import type { SigningKey } from './signing-key.ts';

/** What a token is to stand for. */
export interface WantedToken {
  readonly account: KubeObject;
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  /** With its node, as far as that is known. */
  readonly pod?: { readonly object: KubeObject; readonly node: ClaimedObject | undefined } | undefined;
  readonly secret?: KubeObject | undefined;
  readonly node?: KubeObject | undefined;
}

export interface IssuedToken {
  readonly token: string;
  /** As it was asked for; milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

/** The lifetime that the admission plugin ServiceAccount asks for: a mark by which its tokens are known. */
export const automaticExpirationSeconds = 3607;

/**
 * Tokens with this mark are good for a year, as upstream's are: client libraries that read their token only once would
 * fail after an hour. They end with their Pod all the same, and whoever reads `expirationTimestamp` rotates in time.
 */
const extendedExpirationSeconds = 365 * 24 * 3600;

/** Makes tokens of ServiceAccounts. */
export class TokenIssuer {
  readonly #key: SigningKey;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(key: SigningKey, { clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#key = key;
    this.#clock = clock;
    this.#random = random;
  }

  issue(wanted: WantedToken): IssuedToken {
    const nowMs = this.#clock.now();
    const now = Math.floor(nowMs / 1000);
    const { account, expirationSeconds, audiences } = wanted;
    const { namespace = '', name } = account.metadata;
    const extended = isExtended(wanted);
    const claims: TokenClaims = {
      aud: audiences,
      exp: now + (extended ? extendedExpirationSeconds : expirationSeconds),
      iat: now,
      iss: tokenIssuer,
      jti: this.#random.uuid(),
      'kubernetes.io': {
        namespace,
        ...boundTo(wanted),
        serviceaccount: claimed(account),
        ...(extended && { warnafter: now + expirationSeconds }),
      },
      nbf: now,
      sub: serviceAccountUser(namespace, name),
    };
    return { token: this.#key.sign(claims), expiresAtMs: nowMs + expirationSeconds * 1000 };
  }
}

function isExtended({ pod, audiences, expirationSeconds }: WantedToken): boolean {
  if (pod === undefined || expirationSeconds !== automaticExpirationSeconds) return false;
  return audiences.every((audience) => defaultAudiences.includes(audience));
}

function boundTo({ pod, secret, node }: WantedToken): Partial<TokenClaims['kubernetes.io']> {
  if (pod !== undefined) return { pod: claimed(pod.object), ...(pod.node !== undefined && { node: pod.node }) };
  if (secret !== undefined) return { secret: claimed(secret) };
  return node === undefined ? {} : { node: claimed(node) };
}

/** How claims name an object. */
export function claimed({ metadata: { name, uid } }: KubeObject): ClaimedObject {
  return { name, uid };
}
