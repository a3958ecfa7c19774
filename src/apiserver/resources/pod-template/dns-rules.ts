import { isIP } from 'node:net';
import { dns1123SubdomainErrors } from '../../../api/index.ts';
import type { HostAlias, PodDNSConfig } from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset, listOf } from '../value-rules.ts';

const maxNameservers = 3;
const maxSearches = 32;
const maxSearchBytes = 2048;
const ipText = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';

function checkIp(ip: string, path: Path, problems: Problems): void {
  if (isIP(ip) === 0) problems.invalid(path, ip, ipText);
}

/** Upstream: core validation `validatePodDNSConfig`. */
export function checkDnsConfig(
  config: PodDNSConfig | undefined,
  policy: string | undefined,
  path: Path,
  problems: Problems,
): void {
  const nameservers = listOf(config?.nameservers);
  if (policy === 'None' && config === undefined) {
    problems.required(path, 'must provide `dnsConfig` when `dnsPolicy` is None');
  } else if (policy === 'None' && nameservers.length === 0) {
    const text = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
    problems.required(child(path, 'nameservers'), text);
  } else if (config !== undefined) {
    checkNameservers(nameservers, child(path, 'nameservers'), problems);
    checkSearches(listOf(config.searches), child(path, 'searches'), problems);
    for (const [position, option] of listOf(config.options).entries()) {
      if (isUnset(option.name)) problems.required(item(child(path, 'options'), position), 'must not be empty');
    }
  }
}

function checkNameservers(nameservers: readonly string[], path: Path, problems: Problems): void {
  if (nameservers.length > maxNameservers) {
    problems.invalid(path, nameservers, `must not have more than ${maxNameservers} nameservers`);
  }
  for (const [position, ip] of nameservers.entries()) checkIp(ip, item(path, position), problems);
}

function checkSearches(searches: readonly string[], path: Path, problems: Problems): void {
  if (searches.length > maxSearches) {
    problems.invalid(path, searches, `must not have more than ${maxSearches} search paths`);
  }
  if (searches.join(' ').length > maxSearchBytes) {
    const text = `must not have more than ${maxSearchBytes} characters (including spaces) in the search list`;
    problems.invalid(path, searches, text);
  }
  for (const [position, search] of searches.entries()) {
    if (search === '.') continue;
    const name = search.endsWith('.') ? search.slice(0, -1) : search;
    // Underscores are common in names of services and allowed here.
    problems.allInvalid(item(path, position), name, dns1123SubdomainErrors(name.replaceAll('_', 'x')));
  }
}

/** Upstream: core validation `ValidateHostAliases`. */
export function checkHostAliases(aliases: readonly HostAlias[], path: Path, problems: Problems): void {
  for (const [position, alias] of aliases.entries()) {
    const at = item(path, position);
    checkIp(alias.ip ?? '', child(at, 'ip'), problems);
    for (const [number, hostname] of listOf(alias.hostnames).entries()) {
      problems.allInvalid(item(child(at, 'hostnames'), number), hostname, dns1123SubdomainErrors(hostname));
    }
  }
}
