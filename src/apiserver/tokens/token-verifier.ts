import { parseTime, resources, type KubeObject, type ObjectRef, type Resource } from '../../api/index.ts';
import type { Clock } from '../../clock/index.ts';
import type { UserInfo } from '../kind.ts';
import {
  asTokenClaims,
  defaultAudiences,
  serviceAccountGroups,
  serviceAccountUser,
  type ClaimedObject,
  type TokenClaims,
} from './claims.ts';
import type { SigningKey } from './signing-key.ts';

/** Looks one stored object up by its key. Undefined: not there. */
type Read = (resource: Resource, ref: ObjectRef) => KubeObject | undefined;

export type VerifiedToken =
  | { readonly user: UserInfo; readonly audiences: readonly string[] }
  /** One of ours, but no longer good, or for somebody else. */
  | { readonly error: string };

interface VerifierOptions {
  readonly key: SigningKey;
  readonly read: Read;
  readonly clock: Clock;
}

interface OpenedToken {
  readonly claims: TokenClaims;
  readonly user: UserInfo;
}

/** Clocks may differ by this much, and what is deleted is still good for so long: seconds (go-jose `DefaultLeeway`). */
const leewaySeconds = 60;
const maxRemembered = 1024;

/**
 * Tells whom a token stands for. Signatures are checked once and remembered; everything that can change (time, the
 * ServiceAccount, what the token is bound to) is looked up by key at each use.
 */
export class TokenVerifier {
  readonly #options: VerifierOptions;
  /** Tokens whose signature is good, those used last at the end. */
  readonly #opened = new Map<string, OpenedToken>();

  constructor(options: VerifierOptions) {
    this.#options = options;
  }

  /** Undefined: no token of this server. `audiences`: as whom the asker answers. */
  verify(token: string, audiences: readonly string[] = defaultAudiences): VerifiedToken | undefined {
    const opened = this.#open(token);
    if (opened === undefined) return undefined;
    const { claims, user } = opened;
    const shared = claims.aud.filter((audience) => audiences.includes(audience));
    if (shared.length === 0)
      return {
        error: `token audiences ${goList(claims.aud)} is invalid for the target audiences ${goList(audiences)}`,
      };
    const error = this.#timeError(claims) ?? this.#objectError(claims);
    return error === undefined ? { user, audiences: shared } : { error };
  }

  #open(token: string): OpenedToken | undefined {
    const known = this.#opened.get(token);
    if (known !== undefined) {
      this.#opened.delete(token);
      this.#opened.set(token, known);
      return known;
    }
    const signed = this.#options.key.open(token);
    const claims = signed && asTokenClaims(signed);
    if (claims === undefined) return undefined;
    const opened = { claims, user: userOf(claims) };
    this.#opened.set(token, opened);
    for (const oldest of this.#opened.keys()) {
      if (this.#opened.size <= maxRemembered) break;
      this.#opened.delete(oldest);
    }
    return opened;
  }

  #timeError({ exp, nbf, iat }: TokenClaims): string | undefined {
    const now = this.#options.clock.now() / 1000;
    if (now + leewaySeconds < nbf) return 'service account token is not valid yet';
    if (now - leewaySeconds > exp) return 'service account token has expired';
    return now + leewaySeconds < iat ? 'service account token is issued in the future' : undefined;
  }

  /** Upstream: pkg/serviceaccount `validator.Validate`. */
  #objectError({ 'kubernetes.io': about }: TokenClaims): string | undefined {
    const { namespace, serviceaccount, pod, secret, node } = about;
    const account = this.#options.read(resources.serviceAccounts, { namespace, name: serviceaccount.name });
    if (account === undefined) return `serviceaccounts "${serviceaccount.name}" not found`;
    if (account.metadata.uid !== serviceaccount.uid)
      return `service account UID (${account.metadata.uid}) does not match claim (${serviceaccount.uid})`;
    if (this.#isGone(account)) return `service account ${namespace}/${serviceaccount.name} has been deleted`;
    return (
      (secret && this.#boundError('secret', resources.secrets, secret, namespace)) ??
      (pod && this.#boundError('pod', resources.pods, pod, namespace)) ??
      (node && pod === undefined ? this.#boundError('node', resources.nodes, node, undefined) : undefined)
    );
  }

  #boundError(
    noun: string,
    resource: Resource,
    { name, uid }: ClaimedObject,
    namespace: string | undefined,
  ): string | undefined {
    const object = this.#options.read(resource, { namespace, name });
    if (object === undefined) return 'service account token has been invalidated';
    const found = object.metadata.uid;
    if (found !== uid) return `${noun} UID (${found}) does not match service account ${noun} ref claim (${uid})`;
    return this.#isGone(object) ? 'service account token has been invalidated' : undefined;
  }

  #isGone({ metadata: { deletionTimestamp } }: KubeObject): boolean {
    if (deletionTimestamp === undefined) return false;
    return parseTime(deletionTimestamp) < this.#options.clock.now() - leewaySeconds * 1000;
  }
}

const extraPrefix = 'authentication.kubernetes.io/';

function userOf({ jti, 'kubernetes.io': about }: TokenClaims): UserInfo {
  const { namespace, serviceaccount, pod, node } = about;
  const facts: Record<string, string | undefined> = {
    'credential-id': jti === undefined ? undefined : `JTI=${jti}`,
    'node-name': node?.name,
    'node-uid': node?.uid,
    'pod-name': pod?.name,
    'pod-uid': pod?.uid,
  };
  const extra: Record<string, readonly string[]> = {};
  for (const [name, value] of Object.entries(facts)) if (value !== undefined) extra[extraPrefix + name] = [value];
  return {
    name: serviceAccountUser(namespace, serviceaccount.name),
    ...(serviceaccount.uid !== undefined && { uid: serviceaccount.uid }),
    groups: serviceAccountGroups(namespace),
    extra,
  };
}

/** `["a" "b"]`, as Go prints a list of texts. */
function goList(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(' ')}]`;
}
