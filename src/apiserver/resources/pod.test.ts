import { describe, expect, it } from 'vitest';
import { pod } from './pod.ts';
import { samplePod as draft } from './pod/sample.fixture.ts';
import { created, createErrors, withValues } from './rule-cases.fixture.ts';
import type { RuleCase } from './rule-cases.fixture.ts';

const c0 = 'spec.containers[0]';
const label = /a lowercase RFC 1123 label must consist/;
const once = 'may not have more than one field specified at a time';

const cases: readonly RuleCase[] = [
  { rule: 'a plain Pod is valid', set: {}, errors: [] },
  { rule: 'no spec: no containers', set: { spec: undefined }, errors: ['spec.containers: Required value'] },
  { rule: 'an empty spec too', set: { spec: {} }, errors: ['spec.containers: Required value'] },
  {
    rule: 'containers have names and images',
    set: { 'spec.containers': [{}] },
    errors: [`${c0}.name: Required value`, `${c0}.image: Required value`],
  },
  {
    rule: 'names of containers are unique, also against init containers',
    set: { 'spec.containers.1': { name: 'main', image: 'x' }, 'spec.initContainers': [{ name: 'main', image: 'x' }] },
    errors: [
      'spec.containers[1].name: Duplicate value: "main"',
      'spec.initContainers[0].name: Duplicate value: "main"',
    ],
  },
  {
    rule: 'policies are known',
    set: {
      'spec.restartPolicy': 'A',
      'spec.dnsPolicy': 'B',
      'spec.preemptionPolicy': 'C',
      'spec.containers.0.imagePullPolicy': 'D',
      'spec.containers.0.terminationMessagePolicy': 'E',
    },
    errors: [
      `${c0}.terminationMessagePolicy: Unsupported value: "E": supported values: "File", "FallbackToLogsOnError"`,
      `${c0}.imagePullPolicy: Unsupported value: "D": supported values: "Always", "IfNotPresent", "Never"`,
      'spec.restartPolicy: Unsupported value: "A": supported values: "Always", "OnFailure", "Never"',
      'spec.dnsPolicy: Unsupported value: "B": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
      'spec.preemptionPolicy: Unsupported value: "C": supported values: "PreemptLowerPriority", "Never"',
    ],
  },
  {
    rule: 'variables have names',
    set: { 'spec.containers.0.env': [{ name: '' }, { name: 'A=B' }, { name: 'with space.and-more', value: 'x' }] },
    errors: [
      `${c0}.env[0].name: Required value`,
      `${c0}.env[1].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than '='`,
    ],
  },
  {
    rule: 'variables have one source',
    set: {
      'spec.containers.0.env': [
        { name: 'A', valueFrom: {} },
        { name: 'B', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'C', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' }, secretKeyRef: { name: 's', key: 'k' } } },
      ],
    },
    errors: [
      `${c0}.env[0].valueFrom: Invalid value: "": must specify one of: \`fieldRef\`, \`resourceFieldRef\`, \`configMapKeyRef\` or \`secretKeyRef\``,
      `${c0}.env[1].valueFrom: Invalid value: "": may not be specified when \`value\` is not empty`,
      `${c0}.env[2].valueFrom: Invalid value: "": ${once}`,
    ],
  },
  {
    rule: 'fields of the Pod that variables name are supported',
    set: {
      'spec.containers.0.env': [
        { name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.labels' } } },
        { name: 'B', valueFrom: { fieldRef: { fieldPath: 'spec.odd' } } },
        {
          name: 'C',
          valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']" } },
        },
        { name: 'D', valueFrom: { fieldRef: { fieldPath: '' } } },
        { name: 'E', valueFrom: { fieldRef: { fieldPath: "metadata.name['a']" } } },
      ],
    },
    errors: [
      `${c0}.env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"`,
      `${c0}.env[1].valueFrom.fieldRef.fieldPath: Invalid value: "spec.odd": error converting fieldPath: field label not supported: spec.odd`,
      `${c0}.env[3].valueFrom.fieldRef.fieldPath: Required value`,
      `${c0}.env[4].valueFrom.fieldRef: Invalid value: "metadata.name": does not support subscript`,
    ],
  },
  {
    rule: 'resources that variables name are supported',
    set: {
      'spec.containers.0.env': [
        { name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.odd' } } },
        { name: 'B', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '2' } } },
        { name: 'C', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
      ],
    },
    errors: [
      `${c0}.env[0].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.odd": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"`,
      `${c0}.env[1].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`,
    ],
  },
  {
    rule: 'envFrom names one source each',
    set: {
      'spec.containers.0.envFrom': [
        {},
        { configMapRef: {} },
        { configMapRef: { name: 'a' }, secretRef: { name: 'b' } },
      ],
    },
    errors: [
      `${c0}.envFrom: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``,
      `${c0}.envFrom[1].configMapRef.name: Required value`,
      `${c0}.envFrom: Invalid value: "": ${once}`,
    ],
  },
  {
    rule: 'ports are in range, named once, of a known protocol',
    set: {
      'spec.containers.0.ports': [
        { name: 'web', containerPort: 0 },
        { name: 'web', containerPort: 70000 },
        { name: 'x_y', containerPort: 1, protocol: 'ODD' },
        { containerPort: 80, hostPort: 81 },
        { containerPort: 82, hostPort: 81 },
      ],
    },
    errors: [
      `${c0}.ports[0].containerPort: Required value`,
      `${c0}.ports[1].name: Duplicate value: "web"`,
      `${c0}.ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive`,
      `${c0}.ports[2].name: Invalid value: "x_y": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)`,
      `${c0}.ports[2].protocol: Unsupported value: "ODD": supported values: "SCTP", "TCP", "UDP"`,
      `${c0}.ports[4].hostPort: Duplicate value: "TCP//81"`,
    ],
  },
  {
    rule: 'volumes have one source and a name of their own',
    set: {
      'spec.volumes': [
        { name: '' },
        { name: 'a', emptyDir: {}, secret: { secretName: 's' } },
        { name: 'b' },
        { name: 'b' },
        { name: 'c', secret: {} },
        { name: 'd', configMap: { name: 'm', items: [{ key: '', path: '../x', mode: 1000 }] } },
        { name: 'e', hostPath: { path: '' } },
        { name: 'f', persistentVolumeClaim: { claimName: '' } },
        { name: 'g', emptyDir: { sizeLimit: '-1' } },
        { name: 'h', projected: { sources: [{ secret: {}, configMap: { name: 'x' } }] } },
        { name: 'i', downwardAPI: { items: [{ path: 'x' }] } },
      ],
    },
    errors: [
      'spec.volumes[0].name: Required value',
      'spec.volumes[1].secret: Forbidden: may not specify more than 1 volume type',
      'spec.volumes[3].name: Duplicate value: "b"',
      'spec.volumes[4].secret.secretName: Required value',
      'spec.volumes[5].configMap.items[0].key: Required value',
      'spec.volumes[5].configMap.items[0].path: Invalid value: "../x": must not contain \'..\'',
      'spec.volumes[5].configMap.items[0].mode: Invalid value: 1000: must be a number between 0 and 0777 (octal), both inclusive',
      'spec.volumes[6].hostPath.path: Required value',
      'spec.volumes[7].persistentVolumeClaim.claimName: Required value',
      'spec.volumes[8].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity',
      'spec.volumes[9].projected.sources[0].secret.name: Required value',
      'spec.volumes[9].projected.sources[0]: Forbidden: may not specify more than 1 volume type per source',
      'spec.volumes[10].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required',
    ],
  },
  {
    rule: 'mounts name a volume, and a place that nothing else takes',
    set: {
      'spec.volumes': [{ name: 'v' }],
      'spec.containers.0.volumeMounts': [
        { name: 'odd', mountPath: '/a' },
        { name: 'v', mountPath: '/a' },
        { name: 'v', mountPath: '' },
        { name: 'v', mountPath: '/b', subPath: '../x' },
        { name: 'v', mountPath: '/c', subPath: '/x' },
      ],
    },
    errors: [
      `${c0}.volumeMounts[0].name: Not found: "odd"`,
      `${c0}.volumeMounts[1].mountPath: Invalid value: "/a": must be unique`,
      `${c0}.volumeMounts[2].mountPath: Required value`,
      `${c0}.volumeMounts.subPath: Invalid value: "../x": must not contain '..'`,
      `${c0}.volumeMounts.subPath: Invalid value: "/x": must be a relative path`,
    ],
  },
  {
    rule: 'resources are quantities, not negative, requests within limits, of known kinds',
    set: {
      'spec.containers.0.resources': {
        limits: { cpu: '1', memory: '-1', odd: '1' },
        requests: { cpu: '2', memory: 'much', 'acme.io/gpu': '0.5' },
      },
    },
    errors: [
      `${c0}.resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0`,
      `${c0}.resources.limits[odd]: Invalid value: "odd": must be a standard resource for containers`,
      `${c0}.resources.requests[memory]: Invalid value: "much": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`,
      `${c0}.resources.requests[odd]: Invalid value: "odd": must be a standard resource for containers`,
      `${c0}.resources.requests[acme.io/gpu]: Invalid value: "500m": must be an integer`,
      `${c0}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`,
      `${c0}.resources.limits: Required value: Limit must be set for non overcommitable resources`,
    ],
  },
  {
    rule: 'probes have one handler and numbers that make sense',
    set: {
      'spec.containers.0.livenessProbe': { successThreshold: 2, timeoutSeconds: -1 },
      'spec.containers.0.readinessProbe': { exec: {}, tcpSocket: { port: 1 }, terminationGracePeriodSeconds: 5 },
      'spec.containers.0.startupProbe': { httpGet: { port: 'odd--name', scheme: 'FTP' } },
    },
    errors: [
      `${c0}.livenessProbe: Required value: must specify a handler type`,
      `${c0}.livenessProbe.timeoutSeconds: Invalid value: -1: must be greater than or equal to 0`,
      `${c0}.livenessProbe.successThreshold: Invalid value: 2: must be 1`,
      `${c0}.readinessProbe.exec.command: Required value`,
      `${c0}.readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type`,
      `${c0}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes`,
      `${c0}.startupProbe.httpGet.port: Invalid value: "odd--name": must not contain consecutive hyphens`,
      `${c0}.startupProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"`,
    ],
  },
  {
    rule: 'sleep before stopping ends within the grace period',
    set: { 'spec.containers.0.lifecycle': { preStop: { sleep: { seconds: 31 } } } },
    errors: [
      `${c0}.lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)`,
    ],
  },
  {
    rule: 'only sidecars among init containers have probes and hooks',
    set: {
      'spec.initContainers': [
        { name: 'a', image: 'x', livenessProbe: { exec: { command: ['x'] } } },
        { name: 'b', image: 'x', restartPolicy: 'Always', livenessProbe: { exec: { command: ['x'] } } },
        { name: 'c', image: 'x', restartPolicy: 'Odd' },
      ],
    },
    errors: [
      'spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
      'spec.initContainers[2].restartPolicy: Unsupported value: "Odd": supported values: "Always", "Never", "OnFailure"',
    ],
  },
  {
    rule: 'deadlines and IDs are in range',
    set: {
      'spec.activeDeadlineSeconds': 0,
      'spec.securityContext': { runAsUser: -1, supplementalGroups: [-2] },
      'spec.containers.0.securityContext': { runAsGroup: 2147483648 },
    },
    errors: [
      `${c0}.securityContext.runAsGroup: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive`,
      'spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      'spec.securityContext.supplementalGroups[0]: Invalid value: -2: must be between 0 and 2147483647, inclusive',
      'spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive',
    ],
  },
  {
    rule: 'security profiles are complete',
    set: {
      'spec.securityContext': { seccompProfile: { type: 'Localhost' } },
      'spec.containers.0.securityContext': {
        allowPrivilegeEscalation: false,
        privileged: true,
        seccompProfile: { type: 'Odd' },
      },
    },
    errors: [
      `${c0}.securityContext: Invalid value: {"allowPrivilegeEscalation":false,"privileged":true,"seccompProfile":{"type":"Odd"}}: cannot set \`allowPrivilegeEscalation\` to false and \`privileged\` to true`,
      `${c0}.securityContext.seccompProfile.type: Unsupported value: "Odd": supported values: "Localhost", "RuntimeDefault", "Unconfined"`,
      'spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost',
    ],
  },
  {
    rule: 'tolerations match something',
    set: {
      'spec.tolerations': [
        {},
        { key: 'a', operator: 'Exists', value: 'b' },
        { key: 'a', effect: 'Odd', tolerationSeconds: 1 },
      ],
    },
    errors: [
      'spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      'spec.tolerations[1].operator: Invalid value: "b": value must be empty when `operator` is \'Exists\'',
      'spec.tolerations[2].effect: Invalid value: "Odd": effect must be \'NoExecute\' when `tolerationSeconds` is set',
      'spec.tolerations[2].effect: Unsupported value: "Odd": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
  },
  {
    rule: 'spread constraints are complete and not repeated',
    set: {
      'spec.topologySpreadConstraints': [
        { maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'Odd' },
        { maxSkew: 1, topologyKey: 'z', whenUnsatisfiable: 'ScheduleAnyway', minDomains: 1 },
        { maxSkew: 1, topologyKey: 'z', whenUnsatisfiable: 'ScheduleAnyway' },
      ],
    },
    errors: [
      'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
      'spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty',
      'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Odd": supported values: "DoNotSchedule", "ScheduleAnyway"',
      'spec.topologySpreadConstraints[1].minDomains: Invalid value: 1: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway',
      'spec.topologySpreadConstraints[2].{topologyKey, whenUnsatisfiable}: Duplicate value: "{z, ScheduleAnyway}"',
    ],
  },
  {
    rule: 'affinities are well-formed',
    set: {
      'spec.affinity': {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In' }] }],
          },
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, preference: {} }],
        },
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 101, podAffinityTerm: { topologyKey: 'zone' } }],
        },
      },
    },
    errors: [
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      'spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100',
      'spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100',
    ],
  },
  {
    rule: 'DNS None needs servers',
    set: { 'spec.dnsPolicy': 'None' },
    errors: ['spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None'],
  },
  {
    rule: 'gated Pods have no node yet; tokens need an account; images are not padded',
    set: {
      'spec.nodeName': 'n',
      'spec.schedulingGates': [{ name: 'a' }],
      'spec.volumes': [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }],
      'spec.containers.0.image': ' x',
    },
    errors: [
      'spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set',
      `${c0}.image: Invalid value: " x": must not have leading or trailing whitespace`,
      'spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared',
    ],
  },
];

describe('rules for new Pods', () => {
  it.each(cases)('$rule', ({ set, errors }) => {
    expect(createErrors(pod, withValues(draft, set))).toEqual(errors);
  });

  it.each(['hostname', 'subdomain'])('%s is a DNS label', (field) => {
    expect(createErrors(pod, withValues(draft, { [`spec.${field}`]: 'A.b' }))).toEqual([expect.stringMatching(label)]);
  });

  it('labels of nodes that are selected are labels', () => {
    expect(createErrors(pod, withValues(draft, { 'spec.nodeSelector': { 'a b': 'ok' } }))).toEqual([
      expect.stringMatching(/^spec\.nodeSelector: Invalid value: "a b": name part must consist/),
    ]);
  });
});

describe('warnings about Pods', () => {
  it('come for definitions that hide others', () => {
    const env = [
      { name: 'A', value: '1' },
      { name: 'A', value: '2' },
      { name: 'A', value: '$(A)3' },
    ];
    expect(pod.warnings?.(created(pod, withValues(draft, { 'spec.containers.0.env': env })), undefined)).toEqual([
      'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    ]);
  });
});

describe('deleting Pods', () => {
  const grace = (values: Readonly<Record<string, unknown>>, requested?: number): number | undefined =>
    pod.deletion?.graceSeconds?.(withValues(created(pod, draft), values), requested);
  it('gives running ones the time they ask for, others none', () => {
    const running = { 'spec.nodeName': 'n', 'status.phase': 'Running' };
    expect(grace(running)).toBe(30);
    expect(grace(running, 5)).toBe(5);
    expect(grace(running, 0)).toBe(0);
    expect(grace({ ...running, 'spec.terminationGracePeriodSeconds': 7 })).toBe(7);
    expect(grace({}, 5)).toBe(0);
    expect(grace({ ...running, 'status.phase': 'Failed' }, 5)).toBe(0);
  });
});
