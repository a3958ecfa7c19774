import { child, choice, flag, integer, integers, list, map, message, optionalInteger, text } from './message.ts';

// Field numbers of k8s.io/cri-api runtime/v1. What Rondo neither sends nor reads is not in the tables.

export const profileOf = message({
  type: choice(1, ['RuntimeDefault', 'Unconfined', 'Localhost']),
  localhostRef: text(2),
});

const namespaceModes = ['POD', 'CONTAINER', 'NODE', 'TARGET'] as const;

export const namespaceOptions = message({
  network: choice(1, namespaceModes),
  pid: choice(2, namespaceModes),
  ipc: choice(3, namespaceModes),
  targetId: text(4),
});

export const seLinuxOptions = message({ user: text(1), role: text(2), type: text(3), level: text(4) });

const metadata = message({ name: text(1), uid: text(2), namespace: text(3), attempt: integer(4) });

const securityContext = message({
  namespaceOptions: child(1, namespaceOptions),
  seLinuxOptions: child(2, seLinuxOptions),
  runAsUser: optionalInteger(3),
  readonlyRootfs: flag(4),
  supplementalGroups: integers(5),
  privileged: flag(6),
  runAsGroup: optionalInteger(8),
  seccomp: child(9, profileOf),
  apparmor: child(10, profileOf),
  supplementalGroupsPolicy: choice(11, ['Merge', 'Strict']),
});

export const sandboxConfig = message({
  metadata: child(1, metadata),
  hostname: text(2),
  logDirectory: text(3),
  dnsConfig: child(4, message({ servers: list(text(1)), searches: list(text(2)), options: list(text(3)) })),
  portMappings: list(
    child(
      5,
      message({
        protocol: choice(1, ['TCP', 'UDP', 'SCTP']),
        containerPort: integer(2),
        hostPort: integer(3),
        hostIp: text(4),
      }),
    ),
  ),
  labels: map(6),
  annotations: map(7),
  linux: child(8, message({ cgroupParent: text(1), securityContext: child(2, securityContext), sysctls: map(3) })),
});

export const sandboxStates = ['ready', 'notReady'] as const;

export const sandbox = message({
  id: text(1),
  metadata: child(2, metadata),
  state: choice(3, sandboxStates),
  createdAt: integer(4),
  labels: map(5),
});

export const sandboxStatus = message({
  id: text(1),
  metadata: child(2, metadata),
  state: choice(3, sandboxStates),
  createdAt: integer(4),
  network: child(5, message({ ip: text(1), additionalIps: list(child(2, message({ ip: text(1) }))) })),
  labels: map(7),
});

export const runPodSandbox = {
  request: message({ config: child(1, sandboxConfig), runtimeHandler: text(2) }),
  response: message({ podSandboxId: text(1) }),
};
/** Of stopping and removing. */
export const sandboxId = message({ podSandboxId: text(1) });
export const podSandboxStatus = { request: sandboxId, response: message({ status: child(1, sandboxStatus) }) };
export const listPodSandbox = {
  request: message({ filter: child(1, message({ id: text(1), labelSelector: map(3) })) }),
  response: message({ items: list(child(1, sandbox)) }),
};
export const portForward = {
  request: message({ podSandboxId: text(1), port: integers(2) }),
  response: message({ url: text(1) }),
};
