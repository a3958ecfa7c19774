/** What a token says of the ServiceAccount that it stands for (upstream: pkg/serviceaccount `privateClaims`). */
export interface TokenClaims {
  readonly iss: string;
  /** `system:serviceaccount:<namespace>:<name>` */
  readonly sub: string;
  readonly aud: readonly string[];
  /** Seconds since 1970. */
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly jti: string;
  readonly 'kubernetes.io': {
    readonly namespace: string;
    readonly serviceaccount: ClaimedObject;
    readonly pod?: ClaimedObject;
    readonly secret?: ClaimedObject;
    /** With `pod`: where it runs, for information. Alone: what the token is bound to. */
    readonly node?: ClaimedObject;
    /** After this time (seconds since 1970) whoever still uses the token should have fetched a new one. */
    readonly warnafter?: number;
  };
}

export interface ClaimedObject {
  readonly name: string;
  readonly uid?: string;
}

/** Who issues tokens, and whom they are meant for unless somebody says otherwise. */
export const tokenIssuer = 'https://kubernetes.default.svc.cluster.local';
export const defaultAudiences: readonly string[] = [tokenIssuer];

/** The user name of a ServiceAccount. */
export function serviceAccountUser(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

/** The groups that every ServiceAccount of a namespace is in, besides those of all users. */
export function serviceAccountGroups(namespace: string): readonly string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

/** The claims of a token that carries our signature; undefined if they are not what we sign. */
export function asTokenClaims(claims: Readonly<Record<string, unknown>>): TokenClaims | undefined {
  const about = claims['kubernetes.io'] as Partial<TokenClaims['kubernetes.io']> | undefined;
  if (claims['iss'] !== tokenIssuer || about?.namespace === undefined) return undefined;
  return about.serviceaccount === undefined ? undefined : (claims as unknown as TokenClaims);
}
