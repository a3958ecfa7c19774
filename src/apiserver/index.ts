// HTTP in, store out. Promises: one law (default, admit, validate) for every write through either door; what is
// acknowledged is durable. Must not know controllers, nodes or runtimes.
export type { ApiServer, ApiServerOptions, Listening, ListenOptions } from './api-server.ts';
export type { HealthCheck } from './http/index.ts';
export type { Extension, ExtensionAnswer, ExtensionRequest } from './extension.ts';
export { createApiServer } from './create-api-server.ts';
export { keyPrefix } from './registry/store-keys.ts';
export { noPods } from './no-pods.ts';
export { reachableUrl } from './reachable-url.ts';
export { makeSigningKeyPem, readSigningKey } from './tokens/index.ts';
export type { Operations, PodCommand, PodStreams } from './operations.ts';
export type { UserInfo } from './kind.ts';
export type { AuditSink } from './audit/index.ts';
