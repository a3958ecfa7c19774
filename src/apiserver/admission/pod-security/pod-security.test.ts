import { describe, expect, it } from 'vitest';
import type { Container, CronJob, Job, KubeObject, Pod, PodSpec } from '../../../api/index.ts';
import type { AdmissionRequest, KindDefinition } from '../../kind.ts';
import { cronJob } from '../../resources/cron-job.ts';
import { job } from '../../resources/job.ts';
import { namespace as namespaceKind } from '../../resources/namespace.ts';
import { pod as podKind } from '../../resources/pod.ts';
import { podSecurity } from './index.ts';
import { policyOf, violationText, type Level } from './policy.ts';

const good: PodSpec = {
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [{ name: 'c', securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }],
};
const plain: PodSpec = { containers: [{ name: 'c' }] };
const of = (parts: Partial<Container>): PodSpec => ({ containers: [{ name: 'c', ...parts }] });
const secured = (parts: NonNullable<Container['securityContext']>): PodSpec => of({ securityContext: parts });
const all =
  'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")';

const baseline: readonly (readonly [PodSpec, string])[] = [
  [{ ...plain, hostNetwork: true, hostIPC: true }, 'host namespaces (hostNetwork=true, hostIPC=true)'],
  [secured({ privileged: true }), 'privileged (container "c" must not set securityContext.privileged=true)'],
  [
    { containers: ['a', 'b'].map((name) => ({ name, securityContext: { privileged: true } })) },
    'privileged (containers "a", "b" must not set securityContext.privileged=true)',
  ],
  [
    secured({ capabilities: { add: ['NET_ADMIN', 'CHOWN', 'BPF'] } }),
    'non-default capabilities (container "c" must not include "BPF", "NET_ADMIN" in securityContext.capabilities.add)',
  ],
  [{ ...plain, volumes: [{ name: 'v', hostPath: { path: '/' } }] }, 'hostPath volumes (volume "v")'],
  [of({ ports: [{ containerPort: 1, hostPort: 80 }] }), 'hostPort (container "c" uses hostPort 80)'],
  [
    {
      ...secured({ seccompProfile: { type: 'Unconfined' } }),
      securityContext: { seccompProfile: { type: 'Unconfined' } },
    },
    'seccompProfile (pod and container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
  [
    secured({ seLinuxOptions: { type: 'spc_t', user: 'u' } }),
    'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)',
  ],
  [
    secured({ procMount: 'Unmasked' }),
    'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    { ...plain, securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } },
    'forbidden sysctls (kernel.msgmax)',
  ],
  [plain, ''],
  [secured({ capabilities: { add: ['CHOWN'] } }), ''],
];

const restricted: readonly (readonly [PodSpec, string])[] = [
  [good, ''],
  [plain, all],
  [
    { ...good, securityContext: { ...good.securityContext, runAsUser: 0 } },
    'runAsUser=0 (pod must not set runAsUser=0)',
  ],
  [
    {
      ...good,
      volumes: [
        { name: 'a', nfs: { server: 's', path: '/' } },
        { name: 'b', emptyDir: {} },
      ],
    },
    'restricted volume types (volume "a" uses restricted volume type "nfs")',
  ],
  [
    { ...good, initContainers: [{ name: 'i' }] },
    'allowPrivilegeEscalation != false (container "i" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "i" must set securityContext.capabilities.drop=["ALL"])',
  ],
];

describe('Pod Security Standards', () => {
  it.each(baseline)('baseline: %j', (spec, expected) => {
    expect(violationText(spec, { level: 'baseline', version: 'latest' }) ?? '').toBe(expected);
  });

  it.each(restricted)('restricted: %j', (spec, expected) => {
    expect(violationText(spec, { level: 'restricted', version: 'latest' }) ?? '').toBe(expected);
  });

  it('read the labels of a namespace, and say what is wrong with them', () => {
    const labels = {
      'pod-security.kubernetes.io/enforce': 'baseline',
      'pod-security.kubernetes.io/enforce-version': 'v1.30',
    };
    expect(policyOf(labels)).toMatchObject({
      policy: {
        enforce: { level: 'baseline', version: 'v1.30' },
        warn: { level: 'baseline' },
        audit: { level: 'privileged' },
      },
      errors: [],
    });
    const wrong = policyOf({
      'pod-security.kubernetes.io/warn': 'strict',
      'pod-security.kubernetes.io/warn-version': '1.2',
    });
    expect(wrong.errors.map(({ field, message }) => `${field}: ${message}`)).toEqual([
      'metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: "strict": must be one of privileged, baseline, restricted',
      'metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"',
    ]);
  });
});

interface Asked {
  readonly kind: KindDefinition;
  readonly object: unknown;
  readonly old?: unknown;
  readonly subresource?: string;
}

function ask(
  level: Level,
  { kind, object, old, subresource }: Asked,
): { readonly error: string; readonly warnings: readonly string[] } {
  const labels = { 'pod-security.kubernetes.io/enforce': level };
  const rule = podSecurity((() => ({ metadata: { name: 'n', labels } })) as never);
  const warnings: string[] = [];
  const request: AdmissionRequest = {
    ...{ operation: old === undefined ? 'create' : 'update', kind, namespace: 'n', name: 'x', subresource },
    ...{ object: object as KubeObject, old: old as KubeObject | undefined, user: { name: 'u', groups: [] } },
    warn: (text) => warnings.push(text),
  };
  try {
    const { operation } = request;
    if (rule.concerns({ operation, resource: kind.resource, subresource })) void rule.admit(request);
    return { error: '', warnings };
  } catch (error) {
    return { error: (error as Error).message, warnings };
  }
}

const podOf = (spec: PodSpec): Partial<Pod> => ({ metadata: { name: 'x' } as Pod['metadata'], spec });
const jobOf = (spec: PodSpec): Partial<Job> => ({ spec: { template: { spec } } as Job['spec'] });

describe('the admission of Pods', () => {
  it('refuses what violates the level of the namespace', () => {
    expect(ask('restricted', { kind: podKind, object: podOf(plain) }).error).toBe(
      `pods "x" is forbidden: violates PodSecurity "restricted:latest": ${all}`,
    );
    expect(ask('restricted', { kind: podKind, object: podOf(good) })).toEqual({ error: '', warnings: [] });
    expect(ask('privileged', { kind: podKind, object: podOf(plain) })).toEqual({ error: '', warnings: [] });
  });

  it('leaves alone what does not change, and looks at ephemeral containers', () => {
    const asked = { kind: podKind, object: podOf(plain) };
    expect(ask('restricted', { ...asked, old: podOf(plain) }).error).toBe('');
    expect(ask('restricted', { ...asked, subresource: 'status' }).error).toBe('');
    const debugged = podOf({ ...good, ephemeralContainers: [{ name: 'd', securityContext: { privileged: true } }] });
    const added = { kind: podKind, object: debugged, old: podOf(good), subresource: 'ephemeralcontainers' };
    expect(ask('baseline', added).error).toContain('privileged (container "d"');
  });

  it('warns of Jobs and CronJobs whose Pods would be refused', () => {
    const warnings = [`would violate PodSecurity "restricted:latest": ${all}`];
    expect(ask('restricted', { kind: job, object: jobOf(plain) })).toEqual({ error: '', warnings });
    const template = { spec: { jobTemplate: jobOf(plain) } } as unknown as Partial<CronJob>;
    expect(ask('restricted', { kind: cronJob, object: template })).toEqual({ error: '', warnings });
    expect(ask('restricted', { kind: job, object: jobOf(good) }).warnings).toEqual([]);
  });

  it('refuses labels that are wrong, where they are new', () => {
    const object = { metadata: { name: 'x', labels: { 'pod-security.kubernetes.io/enforce': 'strict' } } };
    const asked = { kind: namespaceKind, object };
    expect(ask('privileged', asked).error).toContain('must be one of privileged, baseline, restricted');
    expect(ask('privileged', { ...asked, old: object }).error).toBe('');
  });
});
