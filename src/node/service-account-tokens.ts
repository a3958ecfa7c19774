import { ApiError, parseTime, type Pod, type ServiceAccountTokenProjection } from '../api/index.ts';
import type { Client } from '../client/index.ts';
import type { Clock, Random } from '../clock/index.ts';
import type { Logger } from '../log/index.ts';
import { RuntimeError } from '../runtimes/index.ts';

/** Upstream: kubelet `token.Manager`. */
const maxAgeMs = 24 * 3600_000;
const maxJitterMs = 10_000;
const shareOfLife = 0.8;

interface HeldToken {
  readonly token: string;
  readonly refreshAtMs: number;
  readonly endsAtMs: number;
}

export interface ServiceAccountTokensOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Tokens for the volumes of Pods: bound to their Pod, kept, and fetched anew when four fifths of their life are over. */
export class ServiceAccountTokens {
  readonly #options: ServiceAccountTokensOptions;
  /** Pod uid to tokens by what they are for. */
  readonly #held = new Map<string, Map<string, HeldToken>>();

  constructor(options: ServiceAccountTokensOptions) {
    this.#options = options;
  }

  /** @throws RuntimeError if there is none, and none can be had */
  async tokenFor(
    pod: Pod,
    { audience = '', expirationSeconds = 3600 }: ServiceAccountTokenProjection,
  ): Promise<string> {
    const key = `${expirationSeconds} ${audience}`;
    const held = this.#held.get(pod.metadata.uid)?.get(key);
    const nowMs = this.#options.clock.now();
    if (held !== undefined && nowMs < held.refreshAtMs) return held.token;
    try {
      const fresh = await this.#fetch(pod, audience, expirationSeconds);
      this.#keep(pod.metadata.uid, key, fresh);
      return fresh.token;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (held === undefined || nowMs >= held.endsAtMs)
        throw new RuntimeError('CreateContainerConfigError', `failed to fetch token: ${error.message}`, {
          cause: error,
        });
      this.#options.log.warn('a token could not be renewed, the old one is good for a while', {
        pod: pod.metadata.name,
        error,
      });
      return held.token;
    }
  }

  forget(podUid: string): void {
    this.#held.delete(podUid);
  }

  #keep(podUid: string, key: string, token: HeldToken): void {
    const tokens = this.#held.get(podUid) ?? new Map<string, HeldToken>();
    this.#held.set(podUid, tokens.set(key, token));
  }

  async #fetch(pod: Pod, audience: string, expirationSeconds: number): Promise<HeldToken> {
    const { namespace, name, uid } = pod.metadata;
    const account = { namespace, name: pod.spec.serviceAccountName ?? '' };
    const { token, expirationTimestamp } = await this.#options.client.createToken(account, {
      audiences: audience === '' ? [] : [audience],
      expirationSeconds,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
    });
    const endsAtMs = parseTime(expirationTimestamp);
    const lifeMs = expirationSeconds * 1000;
    const jitterMs = this.#options.random.float() * maxJitterMs;
    const refreshAtMs = endsAtMs - lifeMs + Math.min(lifeMs * shareOfLife, maxAgeMs) - jitterMs;
    return { token, refreshAtMs, endsAtMs };
  }
}
