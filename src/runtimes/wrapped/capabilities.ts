import { readFileSync } from 'node:fs';
import * as os from 'node:os';
import type { Capabilities } from '../runtime.ts';

const architectures: Record<string, string> = { x64: 'amd64', ia32: '386' };
/** Bound by process ids and memory of the wrappers, not by addresses as in a cluster (110). */
const podLimit = 1000;

/** What this machine offers. Where containers share its network, Pods have its loopback address. */
export function machineCapabilities(hostAddress = '127.0.0.1'): Capabilities {
  return {
    cpuMillis: os.availableParallelism() * 1000,
    memoryBytes: os.totalmem(),
    pods: podLimit,
    hostAddress,
    operatingSystem: process.platform,
    architecture: architectures[process.arch] ?? process.arch,
    kernelVersion: os.release(),
    osImage: osImage(),
    hostname: os.hostname(),
  };
}

function osImage(): string {
  try {
    const name = /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    if (name !== undefined) return name;
  } catch {
    // Not Linux: no such file.
  }
  return `${os.type()} ${os.release()}`;
}
