import { bytes, child, choice, flag, integer, integers, list, map, message, optionalInteger, text } from './message.ts';
import { namespaceOptions, profileOf, sandboxConfig, seLinuxOptions } from './pod-sandboxes.ts';

export const imageSpec = message({ image: text(1), annotations: map(2), userSpecifiedImage: text(18) });

export const mount = message({
  containerPath: text(1),
  hostPath: text(2),
  readonly: flag(3),
  selinuxRelabel: flag(4),
  propagation: choice(5, ['PRIVATE', 'HOST_TO_CONTAINER', 'BIDIRECTIONAL']),
  recursiveReadOnly: flag(8),
});

export const resources = message({
  cpuPeriod: integer(1),
  cpuQuota: integer(2),
  cpuShares: integer(3),
  memoryLimitInBytes: integer(4),
  oomScoreAdj: integer(5),
  hugepageLimits: list(child(8, message({ pageSize: text(1), limit: integer(2) }))),
  unified: map(9),
});

export const containerSecurity = message({
  capabilities: child(1, message({ add: list(text(1)), drop: list(text(2)) })),
  privileged: flag(2),
  namespaceOptions: child(3, namespaceOptions),
  seLinuxOptions: child(4, seLinuxOptions),
  runAsUser: optionalInteger(5),
  runAsUsername: text(6),
  readonlyRootfs: flag(7),
  supplementalGroups: integers(8),
  noNewPrivs: flag(11),
  runAsGroup: optionalInteger(12),
  maskedPaths: list(text(13)),
  readonlyPaths: list(text(14)),
  seccomp: child(15, profileOf),
  apparmor: child(16, profileOf),
  supplementalGroupsPolicy: choice(17, ['Merge', 'Strict']),
});

const metadata = message({ name: text(1), attempt: integer(2) });

/** In the order of their numbers in the protocol, which are not the kernel's. */
export const stopSignals = (
  'RUNTIME_DEFAULT SIGABRT SIGALRM SIGBUS SIGCHLD SIGCLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGIOT SIGKILL ' +
  'SIGPIPE SIGPOLL SIGPROF SIGPWR SIGQUIT SIGSEGV SIGSTKFLT SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU ' +
  'SIGURG SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ'
).split(' ');

export const containerConfig = message({
  metadata: child(1, metadata),
  image: child(2, imageSpec),
  command: list(text(3)),
  args: list(text(4)),
  workingDir: text(5),
  envs: list(child(6, message({ key: text(1), value: bytes(2) }))),
  mounts: list(child(7, mount)),
  labels: map(9),
  annotations: map(10),
  logPath: text(11),
  stdin: flag(12),
  stdinOnce: flag(13),
  tty: flag(14),
  linux: child(15, message({ resources: child(1, resources), securityContext: child(2, containerSecurity) })),
  stopSignal: choice(18, stopSignals),
});

export const containerStates = ['created', 'running', 'exited', 'unknown'] as const;

export const container = message({
  id: text(1),
  podSandboxId: text(2),
  metadata: child(3, metadata),
  imageRef: text(5),
  state: choice(6, containerStates),
  createdAt: integer(7),
  labels: map(8),
});

export const containerStatus = message({
  id: text(1),
  metadata: child(2, metadata),
  state: choice(3, containerStates),
  /** Nanoseconds since the epoch, as all times here. */
  createdAt: integer(4),
  startedAt: integer(5),
  finishedAt: integer(6),
  exitCode: integer(7),
  imageRef: text(9),
  reason: text(10),
  message: text(11),
  labels: map(12),
  stopSignal: choice(19, [...stopSignals, 'other']),
});

export const nothing = message({});
/** Of starting, removing and reopening logs. */
export const containerId = message({ containerId: text(1) });
export const createContainer = {
  request: message({
    podSandboxId: text(1),
    config: child(2, containerConfig),
    sandboxConfig: child(3, sandboxConfig),
  }),
  response: containerId,
};
export const stopContainer = message({ containerId: text(1), timeout: integer(2) });
export const listContainers = {
  request: message({
    filter: child(
      1,
      message({
        id: text(1),
        state: child(2, message({ state: choice(1, containerStates) })),
        podSandboxId: text(3),
        labelSelector: map(4),
      }),
    ),
  }),
  response: message({ containers: list(child(1, container)) }),
};
export const status = { request: containerId, response: message({ status: child(1, containerStatus) }) };

export const execSync = {
  request: message({ containerId: text(1), cmd: list(text(2)), timeout: integer(3) }),
  response: message({ stdout: bytes(1), stderr: bytes(2), exitCode: integer(3) }),
};
export const exec = {
  request: message({
    containerId: text(1),
    cmd: list(text(2)),
    tty: flag(3),
    stdin: flag(4),
    stdout: flag(5),
    stderr: flag(6),
  }),
  response: message({ url: text(1) }),
};
export const attach = {
  request: message({ containerId: text(1), stdin: flag(2), tty: flag(3), stdout: flag(4), stderr: flag(5) }),
  response: message({ url: text(1) }),
};

const eventTypes = ['created', 'started', 'stopped', 'deleted'] as const;
export const containerEvent = message({ containerId: text(1), type: choice(2, eventTypes) });

/** Of the statistics what `kubectl top` shows. */
export const listStats = {
  request: message({}),
  response: message({
    stats: list(
      child(
        1,
        message({
          attributes: child(1, message({ id: text(1) })),
          cpu: child(2, message({ usageCoreNanoSeconds: optionalInteger(2) })),
          memory: child(3, message({ workingSetBytes: optionalInteger(2) })),
          writableLayer: child(4, message({ usedBytes: optionalInteger(3) })),
        }),
      ),
    ),
  }),
};
