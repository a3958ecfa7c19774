import { existsSync } from 'node:fs';

/** Where containerd and CRI-O listen when nobody tells them otherwise. */
export const defaultSockets: readonly string[] = ['/run/containerd/containerd.sock', '/run/crio/crio.sock'];

/**
 * The path of the socket that `unix:///run/containerd/containerd.sock` or a mere path names.
 * @throws Error for anything else
 */
export function socketOf(endpoint: string): string {
  const path = endpoint.startsWith('unix://') ? endpoint.slice('unix://'.length) : endpoint;
  if (!path.startsWith('/')) throw new Error(`must be unix:///PATH, as unix://${defaultSockets[0]}`);
  return path;
}

/** The first of the default sockets that is there. */
export function findSocket(): string | undefined {
  return defaultSockets.find((path) => existsSync(path));
}
