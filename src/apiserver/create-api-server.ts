import { defaultAdmission } from './admission/index.ts';
import { certificateRequests } from './admission/certificates.ts';
import { rbacEscalation } from './admission/rbac-escalation.ts';
import { storedObjects } from './admission/stored-reader.ts';
import type { ApiServer, ApiServerOptions, ListenOptions } from './api-server.ts';
import { RbacAuthorizer, RoleIndex } from './authorization/index.ts';
import { bootstrap } from './bootstrap.ts';
import { createExpiry } from './event-expiry.ts';
import { createHttpHandler, listen, type HttpListening } from './http/index.ts';
import { createInProcessClient } from './in-process-client.ts';
import type { UserInfo } from './kind.ts';
import { createMetrics } from '../metrics/index.ts';
import { createOperations } from './registry/create-operations.ts';
import { QuotaLedger, quotaAdmission, QuotaStatusWriter } from './quota/index.ts';
import { reachableUrl } from './reachable-url.ts';
import { allKinds } from './resources/index.ts';
import { allReviews } from './reviews/index.ts';
import { makeSigningKeyPem, readSigningKey, TokenIssuer, tokenIssuer, TokenVerifier } from './tokens/index.ts';

/** Who the server itself acts as. */
const serverUser: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };

/** Puts kinds, operations, admission and both doors together. Nothing happens before `start` or `listen`. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { store, clock, random, log, podStreams } = options;
  const stored = storedObjects(store);
  const quotas = new QuotaLedger({
    store,
    stored,
    kinds: allKinds,
    onChange: (account) => quotaStatus.changed(account),
  });
  const roles = new RoleIndex({ store, objectOf: stored.objectOf });
  const authorizer = new RbacAuthorizer(roles);
  const requestClock = options.requestClock ?? clock;
  const rights = [rbacEscalation(authorizer, roles), certificateRequests(authorizer, requestClock)];
  const admission = [...defaultAdmission(store, random), ...rights, quotaAdmission(quotas)];
  const metrics = createMetrics();
  const common = { store, clock: requestClock, random, log };
  const key = readSigningKey(options.tokenKey ?? makeSigningKeyPem());
  const tokens = new TokenIssuer(key, common);
  const operations = createOperations({ ...common, metrics, kinds: allKinds, reviews: allReviews, admission, tokens });
  const expiry = createExpiry({ operations, store, clock, log });
  const counters = (): Readonly<Record<string, number>> => ({ ...operations.counters, ...store.counters });
  const extensions = options.extensions ?? [];
  const verifier = new TokenVerifier({ key, clock: requestClock, read: stored.read });
  const listening: HttpListening[] = [];
  const serverUrl = (): string | undefined => listening[0] && reachableUrl(listening[0].url);
  let storeFailed = false;
  store.failed.catch(() => (storeFailed = true));
  const handler = createHttpHandler({
    // Monitoring knows the store by this name.
    healthChecks: [{ name: 'etcd', healthy: () => !storeFailed }, ...(options.healthChecks ?? [])],
    ...{ operations, podStreams, random, log, counters, extensions, metrics },
    clock: requestClock,
    ...(options.inFlight && { inFlight: options.inFlight }),
    ...(options.audit && { audit: options.audit }),
    authorizer,
    reviewing: { verifier, authorizer },
    openId: { issuer: tokenIssuer, keys: [key.jwk], serverUrl },
  });
  const clientFor = (user: UserInfo): ReturnType<ApiServer['clientFor']> =>
    createInProcessClient(operations, user, podStreams);
  const quotaStatus = new QuotaStatusWriter(clientFor(serverUser), log);
  return {
    operations,
    metrics,
    clientFor,
    start: async () => {
      quotas.start();
      await bootstrap(clientFor(serverUser));
      await expiry.start();
    },
    listen: async (listenOptions: ListenOptions) => {
      const opened = await listen(handler, { ...listenOptions, verifier }, log);
      listening.push(opened);
      return { url: opened.url, port: opened.port };
    },
    stop: async () => {
      expiry.stop();
      quotas.stop();
      roles.close();
      quotaStatus.stop();
      handler.close();
      await Promise.all(listening.map((opened) => opened.close()));
      listening.length = 0;
    },
  };
}
