import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

/** IPv4 addresses of one network, as numbers. */
export interface Subnet {
  readonly base: number;
  readonly prefix: number;
}

/** `10.201.0.0/20`; undefined for what is no network. Bits after the prefix must be zero. */
export function parseSubnet(text: string): Subnet | undefined {
  const match = /^(\d+\.\d+\.\d+\.\d+)\/(\d{1,2})$/.exec(text);
  const [base, prefix] = [parseAddress(match?.[1] ?? ''), Number(match?.[2])];
  if (base === undefined || prefix < 1 || prefix > 32) return undefined;
  return base % sizeOf(prefix) === 0 ? { base, prefix } : undefined;
}

export function formatSubnet({ base, prefix }: Subnet): string {
  return `${formatAddress(base)}/${prefix}`;
}

function parseAddress(text: string): number | undefined {
  const parts = text.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

function sizeOf(prefix: number): number {
  return 2 ** (32 - prefix);
}

/** The first address: the host's own. */
export function gatewayOf({ base }: Subnet): string {
  return formatAddress(base + 1);
}

/** Whether an address, as text, is one of this network. */
export function contains({ base, prefix }: Subnet, address: string): boolean {
  const number = parseAddress(address);
  return number !== undefined && number >= base && number < base + sizeOf(prefix);
}

/** How many Pods can have an address: without those of the network, the host and broadcasts. */
export function capacityOf({ prefix }: Subnet): number {
  return Math.max(0, sizeOf(prefix) - 3);
}

/** The address of the Pod with this number, counted from 0. */
export function podAddress({ base }: Subnet, index: number): string {
  return formatAddress(base + 2 + index);
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  const size = sizeOf(Math.min(a.prefix, b.prefix));
  return Math.floor(a.base / size) === Math.floor(b.base / size);
}

/** A network interface of the host for Pods, and its addresses: two engines that choose the same name cannot both have it. */
export interface Candidate {
  readonly name: string;
  readonly subnet: Subnet;
}

const candidateCount = 64;
const candidatePrefix = 20;
/** 10.201.0.0/20 and on: not where other container engines and clusters begin (10.42, 10.88, 10.96, 10.244, 172.17). */
const firstBase = (10 * 256 + 201) * 65_536;

/** In the order in which they are tried. With `wanted` only the name can differ. */
export function candidates(wanted: Subnet | undefined, kept: Candidate | undefined): readonly Candidate[] {
  const numbered = Array.from({ length: candidateCount }, (_, index) => ({
    name: `rondo${index}`,
    subnet: wanted ?? { base: firstBase + index * sizeOf(candidatePrefix), prefix: candidatePrefix },
  }));
  // One that was there before is tried first.
  const isGood = kept !== undefined && (wanted === undefined || formatSubnet(wanted) === formatSubnet(kept.subnet));
  return isGood ? [kept, ...numbered] : numbered;
}

/**
 * The networks that this machine has routes to, in any table, but for the default route.
 * Reads the kernel's route trie: every leaf is an address, followed by the lengths of its prefixes.
 */
export function routedSubnets(text = readOrEmpty('/proc/net/fib_trie')): readonly Subnet[] {
  const found = new Map<string, Subnet>();
  let leaf: number | undefined;
  for (const line of text.split('\n')) {
    const address = /^\s*\|-- (\S+)/.exec(line)?.[1];
    if (address !== undefined) leaf = parseAddress(address);
    const prefix = Number(/^\s*\/(\d+) /.exec(line)?.[1] ?? 0);
    if (leaf !== undefined && prefix > 0) found.set(`${leaf}/${prefix}`, { base: leaf, prefix });
  }
  return [...found.values()];
}

/** What the host is known by: the address of the interface with the default route, or any that is not only its own. */
export function hostAddress(): string {
  const interfaces = networkInterfaces();
  const names = [uplink(), ...Object.keys(interfaces).filter((name) => !name.startsWith('rondo'))];
  for (const name of names) {
    const found = interfaces[name ?? '']?.find(({ family, internal }) => family === 'IPv4' && !internal);
    if (found !== undefined) return found.address;
  }
  return '127.0.0.1';
}

const ethernetMtu = 1500;

/** The largest packet that gets out of this machine in one piece. */
export function uplinkMtu(): number {
  const mtu = Number(readOrEmpty(`/sys/class/net/${uplink() ?? 'none'}/mtu`));
  return mtu >= 576 ? mtu : ethernetMtu;
}

/** The interface of the default route. */
function uplink(): string | undefined {
  const routes = readOrEmpty('/proc/net/route')
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .filter((fields) => fields[1] === '00000000' && fields[7] === '00000000')
    .sort((a, b) => Number(a[6]) - Number(b[6]));
  return routes[0]?.[0];
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not this kernel's: then there is nothing to conflict with.
    return '';
  }
}
