import { readFileSync } from 'node:fs';
import type { Pod } from '../../api/index.ts';
import { podLabels } from './labels.ts';
import type { Sent } from './protocol/message.ts';
import type { sandboxConfig } from './protocol/pod-sandboxes.ts';
import { sandboxSecurityOf } from './security.ts';

export type SandboxConfig = Sent<typeof sandboxConfig>;

export interface SandboxParts {
  readonly owner: string;
  /** Where the logs of its containers go. */
  readonly logDirectory: string;
  /** How many sandboxes the Pod had before. */
  readonly attempt: number;
}

/** What a runtime is told of a Pod, when it makes its sandbox and again with every container. */
export function sandboxConfigOf(pod: Pod, { owner, logDirectory, attempt }: SandboxParts): SandboxConfig {
  const { name, namespace = '', uid, annotations = {} } = pod.metadata;
  return {
    metadata: { name, namespace, uid, attempt },
    hostname: hostnameOf(pod),
    logDirectory,
    dnsConfig: resolverOf(pod),
    portMappings: portMappingsOf(pod),
    labels: podLabels(pod, owner),
    annotations,
    linux: { securityContext: sandboxSecurityOf(pod), sysctls: sysctlsOf(pod) },
  };
}

/** A host network has the host's name. */
export function hostnameOf({ metadata, spec }: Pod): string {
  if (spec.hostNetwork === true) return '';
  const name = nonEmpty(spec.hostname) ?? metadata.name;
  return name.slice(0, 63).replace(/[-.]+$/, '');
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function portMappingsOf({ spec }: Pod): NonNullable<SandboxConfig['portMappings']> {
  if (spec.hostNetwork === true) return [];
  return spec.containers
    .flatMap(({ ports = [] }) => ports)
    .filter(({ hostPort = 0 }) => hostPort > 0)
    .map(({ protocol, containerPort, hostPort, hostIP = '' }) => ({
      protocol: protocol === 'UDP' || protocol === 'SCTP' ? protocol : 'TCP',
      containerPort,
      hostPort,
      hostIp: hostIP,
    }));
}

function sysctlsOf({ spec: { securityContext } }: Pod): Record<string, string> {
  return Object.fromEntries((securityContext?.sysctls ?? []).map(({ name, value }) => [name, value]));
}

/** The host's resolver, and what `dnsConfig` adds to it or, with dnsPolicy None, puts in its place. */
function resolverOf({ spec: { dnsPolicy, dnsConfig = {} } }: Pod): NonNullable<SandboxConfig['dnsConfig']> {
  const lines =
    dnsPolicy === 'None'
      ? []
      : hostResolver()
          .split('\n')
          .map((line) => line.trim().split(/\s+/));
  const all = (keyword: string): string[] =>
    lines.filter(([first]) => first === keyword).flatMap(([, ...rest]) => rest);
  const last = (keyword: string): string[] => lines.findLast(([first]) => first === keyword)?.slice(1) ?? [];
  const added = (dnsConfig.options ?? []).map(({ name = '', value }) =>
    value === undefined ? name : `${name}:${value}`,
  );
  return {
    servers: [...new Set([...all('nameserver'), ...(dnsConfig.nameservers ?? [])])],
    searches: [...new Set([...last('search'), ...(dnsConfig.searches ?? [])])],
    options: [...new Set([...all('options'), ...added])],
  };
}

function hostResolver(): string {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8');
  } catch (error) {
    // A host without it has nothing to pass on.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
