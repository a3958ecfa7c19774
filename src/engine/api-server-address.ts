import { reachableUrl, type Listening } from '../apiserver/index.ts';
import type { ServerAddress } from '../node/index.ts';

/**
 * Where clients of a listener find it. Undefined while nobody listens, or without TLS: tokens go over no open wire.
 */
export function apiServerAddress(listening: Listening | undefined): ServerAddress | undefined {
  if (listening === undefined) return undefined;
  const { protocol, hostname, port } = new URL(reachableUrl(listening.url));
  if (protocol !== 'https:') return undefined;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port === '' ? 443 : port) };
}
