// What the tests of all examples do with an engine and manifests.
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { parseYamlDocuments } from '../../src/api/index.ts';
import { type Rondo } from '../e2e/rondo.ts';

/** The host's files and network: the tools are this machine's, and so are the servers, on loopback. */
export const onThisMachine = ['--runtime', 'sandbox', '--rootfs', 'host', '--pod-network', 'host'];

/** All documents of a file. */
export function manifestsOf<T>(file: string): readonly T[] {
  return parseYamlDocuments(readFileSync(file, 'utf8')).documents as readonly T[];
}

/** Runs kubectl, which must succeed. */
export function kubectl(rondo: Rondo, args: readonly string[], input?: unknown): string {
  const text = input === undefined ? '' : typeof input === 'string' ? input : JSON.stringify(input);
  const result = rondo.kubectl(args, { input: text, timeoutMs: 90_000 });
  expect(`${result.status} ${result.stderr}`, `kubectl ${args.join(' ')}`).toMatch(/^0 /);
  return result.stdout;
}

export function secret(name: string, stringData: Record<string, string>): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData };
}
