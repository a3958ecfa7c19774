import { readFileSync } from 'node:fs';
import type { Pod } from '../../api/index.ts';
import type { ContainerMount } from './container-spec.ts';
import { hostnameOf } from './pause.ts';

/** The files in /etc that a runtime makes; those that a volume is mounted at are the volume's. */
export function rootContents(
  pod: Pod,
  mounts: readonly ContainerMount[],
  nameServer: string | undefined,
): ReadonlyMap<string, string> {
  const contents = new Map([
    ['/etc/hosts', hostsFile(pod)],
    ['/etc/resolv.conf', resolverFile(pod, nameServer)],
  ]);
  const name = hostnameOf(pod);
  if (name !== undefined) contents.set('/etc/hostname', `${name}\n`);
  for (const { target } of mounts)
    for (const path of contents.keys()) if (path === target || path.startsWith(`${target}/`)) contents.delete(path);
  return contents;
}

/** The network is the host's, and so are its names; the Pod's own name is this machine. */
function hostsFile(pod: Pod): string {
  const lines = [hostFile('/etc/hosts').trimEnd()];
  const name = hostnameOf(pod);
  if (name !== undefined) lines.push(`127.0.0.1\t${name}`);
  for (const { ip, hostnames } of pod.spec.hostAliases ?? []) lines.push(`${ip}\t${(hostnames ?? []).join('\t')}`);
  return `${lines.join('\n')}\n`;
}

/** The cluster's or the host's, and what `dnsConfig` adds to it or, with dnsPolicy None, puts in its place. */
function resolverFile(pod: Pod, nameServer: string | undefined): string {
  const config = pod.spec.dnsConfig;
  const outside = hostFile('/etc/resolv.conf');
  const inside = nameServer === undefined ? outside : clusterResolver(pod, nameServer, outside);
  const host = pod.spec.dnsPolicy === 'None' ? '' : inside;
  if (config === undefined) return host;
  const searches = [...(/^search\s+(.*)$/gm.exec(host)?.[1]?.split(/\s+/) ?? []), ...(config.searches ?? [])];
  const options = [
    ...(/^options\s+(.*)$/gm.exec(host)?.[1]?.split(/\s+/) ?? []),
    ...(config.options ?? []).map(({ name = '', value }) => (value === undefined ? name : `${name}:${value}`)),
  ];
  const lines = host.split('\n').filter((line) => line !== '' && !/^(search|options)\s/.test(line));
  for (const server of config.nameservers ?? []) lines.push(`nameserver ${server}`);
  if (searches.length > 0) lines.push(`search ${[...new Set(searches)].join(' ')}`);
  if (options.length > 0) lines.push(`options ${[...new Set(options)].join(' ')}`);
  return `${lines.join('\n')}\n`;
}

/** Resolvers take up to three. */
const maxNameServers = 3;

/**
 * As the kubelet writes it, but for those whom the host asks: names of the world are found also while no engine runs. Those
 * at a loopback address answer nobody in another network.
 */
function clusterResolver({ metadata, spec }: Pod, nameServer: string, outside: string): string {
  const servers = [...outside.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address]) => address!);
  const reachable = servers.filter((address) => spec.hostNetwork === true || !/^(127\.|::1$)/.test(address));
  const searches = ['svc.cluster.local', 'cluster.local'];
  const own = /^search\s+(.*)$/gm.exec(outside)?.[1]?.split(/\s+/) ?? [];
  const lines = [nameServer, ...reachable].slice(0, maxNameServers).map((address) => `nameserver ${address}`);
  lines.push(`search ${[`${metadata.namespace}.${searches[0]}`, ...searches, ...own].join(' ')}`, 'options ndots:5');
  return `${lines.join('\n')}\n`;
}

const known = new Map<string, string>();

/** Read once: a container that starts costs no read of files that hardly change. */
function hostFile(path: string): string {
  const text = known.get(path) ?? readOrEmpty(path);
  known.set(path, text);
  return text;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // A host without it has nothing to pass on.
    return '';
  }
}
