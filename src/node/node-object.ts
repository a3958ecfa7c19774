import { formatMicroTime, formatTime, type Draft, type Lease, type Node, type NodeCondition } from '../api/index.ts';
import type { Capabilities, Runtime } from '../runtimes/index.ts';

/** How often the node renews its lease, and how long a lease is good for (kubelet's defaults). */
export const leaseRenewMs = 10_000;
const leaseDurationSeconds = 40;

/** The Node object of this machine as the agent first creates it. */
export function nodeObject(name: string, runtime: Runtime, nowMs: number): Draft<Node> {
  const { capabilities } = runtime;
  return {
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': capabilities.operatingSystem,
        'kubernetes.io/arch': capabilities.architecture,
      },
    },
    spec: {},
    status: nodeStatus(runtime, [], nowMs),
  };
}

/** The Node's status: always Ready while the agent runs, because it is the agent that says so. */
export function nodeStatus(runtime: Runtime, before: readonly NodeCondition[], nowMs: number): Node['status'] {
  const { capabilities } = runtime;
  const amounts = resourceAmounts(capabilities);
  return {
    capacity: amounts,
    allocatable: amounts,
    conditions: [
      condition(before, nowMs, ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'not measured']),
      condition(before, nowMs, ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'not measured']),
      condition(before, nowMs, ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'not measured']),
      condition(before, nowMs, ['Ready', 'True', 'KubeletReady', 'the node agent is running']),
    ],
    addresses: [
      { type: 'InternalIP', address: capabilities.hostAddress },
      { type: 'Hostname', address: capabilities.hostname },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
    nodeInfo: {
      machineID: '',
      systemUUID: '',
      bootID: '',
      kernelVersion: capabilities.kernelVersion,
      osImage: capabilities.osImage,
      containerRuntimeVersion: runtime.version,
      kubeletVersion: 'v1.35.0',
      kubeProxyVersion: '',
      operatingSystem: capabilities.operatingSystem,
      architecture: capabilities.architecture,
    },
  };
}

function resourceAmounts(capabilities: Capabilities): Record<string, string> {
  const { cpuMillis, memoryBytes, pods } = capabilities;
  return {
    cpu: cpuMillis % 1000 === 0 ? String(cpuMillis / 1000) : `${cpuMillis}m`,
    memory: `${Math.floor(memoryBytes / 1024)}Ki`,
    pods: String(pods),
  };
}

function condition(
  before: readonly NodeCondition[],
  nowMs: number,
  [type, status, reason, message]: readonly [string, string, string, string],
): NodeCondition {
  const old = before.find((entry) => entry.type === type);
  const now = formatTime(nowMs);
  const since = old?.status === status ? old.lastTransitionTime : now;
  return { type, status, lastHeartbeatTime: now, lastTransitionTime: since, reason, message };
}

/** The node's lease in kube-node-lease. */
export function leaseObject(node: Node, nowMs: number): Draft<Lease> {
  return {
    metadata: {
      name: node.metadata.name,
      namespace: 'kube-node-lease',
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.metadata.name, uid: node.metadata.uid }],
    },
    spec: { holderIdentity: node.metadata.name, leaseDurationSeconds, renewTime: formatMicroTime(nowMs) },
  };
}
