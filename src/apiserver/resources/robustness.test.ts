import { describe, expect, it } from 'vitest';
import type { CronJob, KubeObject, PodSpec } from '../../api/index.ts';
import { cronJob } from './cron-job.ts';
import { job } from './job.ts';
import { sampleJob } from './job/sample.fixture.ts';
import { pod } from './pod.ts';
import { samplePod } from './pod/sample.fixture.ts';
import { created, rowOf, withValues } from './rule-cases.fixture.ts';

const selector = { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] };
const probe = { httpGet: { port: 80, httpHeaders: [{ name: 'A', value: 'b' }] }, grpc: { port: 1 } };
const resources = { limits: { cpu: '1' }, requests: { cpu: '1' }, claims: [{ name: 'c', request: 'r' }] };
const term = { labelSelector: selector, namespaces: ['a'], topologyKey: 'zone' };
const security = {
  seccompProfile: { type: 'Localhost', localhostProfile: 'x' },
  appArmorProfile: { type: 'Localhost' },
};
const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';

const container = {
  name: 'a',
  image: 'x',
  env: [
    {
      name: 'A',
      valueFrom: { fieldRef: { fieldPath: 'metadata.name' }, resourceFieldRef: { resource: 'limits.cpu' } },
    },
    { name: 'B', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' }, secretKeyRef: { name: 'c', key: 'k' } } },
  ],
  envFrom: [{ prefix: 'P', configMapRef: { name: 'c' }, secretRef: { name: 's' } }],
  ports: [{ name: 'web', containerPort: 80, hostPort: 80 }],
  volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'x', mountPropagation: 'None', recursiveReadOnly: 'Enabled' }],
  volumeDevices: [{ name: 'v', devicePath: '/d' }],
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  lifecycle: {
    preStop: { sleep: { seconds: 1 } },
    postStart: { exec: { command: ['x'] }, tcpSocket: { port: 'web' } },
  },
  resources,
  resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }],
  securityContext: {
    ...security,
    capabilities: { add: ['X'] },
    allowPrivilegeEscalation: false,
    procMount: 'Unmasked',
  },
};

/** A bit of everything; that some of it is wrong does not matter. */
const fullSpec = {
  containers: [container],
  initContainers: [{ ...container, restartPolicy: 'Always' }],
  volumes: [
    { name: 'v', secret: { secretName: 's', items: [{ key: 'k', path: 'p' }] } },
    { name: 'w', configMap: { name: 'c', items: [{ key: 'k', path: 'p' }] }, nfs: { server: 's', path: '/' } },
    { name: 'x', downwardAPI: { items: [{ path: 'p', resourceFieldRef: { resource: 'limits.cpu' } }] } },
    { name: 'y', projected: { sources: [{ secret: { name: 's' }, serviceAccountToken: { path: 't' } }] } },
    { name: 'z', hostPath: { path: '/x' } },
    { name: 'i', image: { reference: 'x' } },
    { name: 'e', emptyDir: { sizeLimit: '1Gi' } },
    { name: 'c', csi: { driver: 'd' } },
  ],
  affinity: {
    nodeAffinity: {
      [required]: {
        nodeSelectorTerms: [
          {
            matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }],
            matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }],
          },
        ],
      },
      [preferred]: [{ weight: 1, preference: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } }],
    },
    podAffinity: { [required]: [term], [preferred]: [{ weight: 1, podAffinityTerm: term }] },
  },
  tolerations: [{ key: 'a', operator: 'Equal', value: 'b', effect: 'NoExecute', tolerationSeconds: 1 }],
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: 'z', whenUnsatisfiable: 'DoNotSchedule', labelSelector: selector },
  ],
  schedulingGates: [{ name: 'g' }],
  readinessGates: [{ conditionType: 'r' }],
  hostAliases: [{ ip: '127.0.0.1', hostnames: ['a'] }],
  imagePullSecrets: [{ name: 's' }],
  dnsConfig: { nameservers: ['1.1.1.1'], searches: ['a_b'], options: [{ name: 'o' }] },
  securityContext: { ...security, sysctls: [{ name: 'a.b', value: '1' }], supplementalGroups: [1] },
  resourceClaims: [{ name: 'c' }],
  resources,
  overhead: { cpu: '1' },
  os: { name: 'linux' },
  nodeSelector: { a: 'b' },
  hostUsers: false,
  hostNetwork: true,
  restartPolicy: 'Never',
} as unknown as PodSpec;

const policies = {
  'spec.completionMode': 'Indexed',
  'spec.completions': 3,
  'spec.template.spec': fullSpec,
  'spec.successPolicy': { rules: [{ succeededIndexes: '0-1', succeededCount: 1 }] },
  'spec.podFailurePolicy': {
    rules: [
      { action: 'FailJob', onExitCodes: { containerName: 'a', operator: 'In', values: [1] } },
      { action: 'Ignore', onPodConditions: [{ type: 'a', status: 'True' }] },
    ],
  },
  'spec.managedBy': 'a.io/b',
};
const fullPod = withValues(samplePod, { spec: fullSpec });
const fullJob = withValues(sampleJob, policies);
const fullCronJob: CronJob = {
  ...withValues(sampleJob, {}),
  kind: 'CronJob',
  spec: { schedule: '@daily', timeZone: 'UTC', jobTemplate: { metadata: {}, spec: fullJob.spec } },
  status: {},
};

/** Every path below `spec`. */
function pathsOf(value: unknown, path: string): readonly string[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, part]) => (/[./]/.test(key) ? [] : pathsOf(part, `${path}.${key}`))),
  ];
}

function emptied(object: unknown, path: string): unknown {
  const value: unknown = path.split('.').reduce((part: unknown, key) => Reflect.get(part as object, key), object);
  if (Array.isArray(value)) return [];
  if (typeof value === 'object') return {};
  return typeof value === 'string' ? '' : typeof value === 'number' ? -1 : false;
}

describe('objects with parts missing or empty are judged, never a cause for a crash', () => {
  it.each([
    ['Pods', pod, fullPod as KubeObject],
    ['Jobs', job, fullJob as KubeObject],
    ['CronJobs', cronJob, fullCronJob as KubeObject],
  ])('%s', (_, kind, full) => {
    const paths = pathsOf(Reflect.get(full, 'spec'), 'spec');
    expect(paths.length).toBeGreaterThan(200);
    const whole = created(kind, full);
    for (const path of paths) {
      // An element of a list cannot be absent, only empty.
      const values = /\.\d+$/.test(path) ? [emptied(full, path)] : [undefined, emptied(full, path)];
      for (const value of values) {
        const judge = (): void => {
          const object = created(kind, withValues(full, { [path]: value }));
          kind.validate?.(object);
          kind.validateUpdate?.(object, whole);
          kind.warnings?.(object, undefined);
          rowOf(kind, object, 0);
        };
        expect(judge, `${path} = ${JSON.stringify(value)}`).not.toThrow();
      }
    }
  });
});
