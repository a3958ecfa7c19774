import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec } from '../../api/index.ts';
import { admitPod, type Abilities } from './admission.ts';
import { identityIn } from './identity.ts';

const root: Abilities = { uid: 0, gid: 0, mounts: 'anywhere', setpriv: true };
const user: Abilities = { uid: 1000, gid: 1000, mounts: 'none', setpriv: false };

function pod(container: Partial<Container>, spec: Partial<PodSpec> = {}): Pod {
  const metadata = { name: 'p', namespace: 'default', uid: 'u-1', resourceVersion: '1', creationTimestamp: '' };
  const whole: Container = { name: 'main', image: 'rondo.dev/host', command: ['true'], ...container };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [whole], ...spec }, status: {} };
}

const refused: readonly [string, Abilities, Partial<Container>, Partial<PodSpec>][] = [
  ['securityContext.runAsUser', root, { securityContext: { runAsUser: 1000 } }, {}],
  ['securityContext.runAsGroup', user, { securityContext: { runAsGroup: 7 } }, {}],
  ['runAsNonRoot', root, { securityContext: { runAsNonRoot: true } }, {}],
  ['runAsNonRoot', root, {}, { securityContext: { runAsNonRoot: true } }],
  ['readOnlyRootFilesystem', root, { securityContext: { readOnlyRootFilesystem: true } }, {}],
  ['allowPrivilegeEscalation', user, { securityContext: { allowPrivilegeEscalation: false } }, {}],
  ['capabilities.drop', user, { securityContext: { capabilities: { drop: ['ALL'] } } }, {}],
  ['capabilities.add', user, { securityContext: { capabilities: { add: ['NET_ADMIN'] } } }, {}],
  ['privileged', user, { securityContext: { privileged: true } }, {}],
  ['seccompProfile', root, { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }, {}],
  ['appArmorProfile', root, {}, { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }],
  ['seLinuxOptions', root, {}, { securityContext: { seLinuxOptions: { level: 's0' } } }],
  ['sysctls', root, {}, { securityContext: { sysctls: [{ name: 'a', value: 'b' }] } }],
  ['fsGroup', root, {}, { securityContext: { fsGroup: 2000 } }],
  ['supplementalGroups', root, {}, { securityContext: { supplementalGroups: [2000] } }],
  ['procMount', root, { securityContext: { procMount: 'Unmasked' } }, {}],
  ['hostUsers', root, {}, { hostUsers: false }],
  ['volumeMounts{/data}', user, { volumeMounts: [{ name: 'v', mountPath: '/data' }] }, {}],
  ['mountPropagation', root, { volumeMounts: [{ name: 'v', mountPath: '/d', mountPropagation: 'Bidirectional' }] }, {}],
  ['runAsUser', root, {}, { initContainers: [{ name: 'init', command: ['x'], securityContext: { runAsUser: 5 } }] }],
];

const accepted: readonly [string, Abilities, Partial<Container>, Partial<PodSpec>][] = [
  ['its own user', user, { securityContext: { runAsUser: 1000, runAsGroup: 1000, runAsNonRoot: true } }, {}],
  [
    'a container that says what its Pod does not',
    user,
    { securityContext: { runAsUser: 1000 } },
    { securityContext: {} },
  ],
  [
    'what setpriv does',
    root,
    { securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } },
    {},
  ],
  ['what the host gives anyway', root, { securityContext: { privileged: true } }, { hostPID: true, hostNetwork: true }],
  ['no confinement', root, { securityContext: { seccompProfile: { type: 'Unconfined' } } }, {}],
  ['arguments alone', root, { command: [], args: ['true'] }, {}],
];

describe('admission to the process runtime', () => {
  it.each(refused)('refuses %s where it cannot be enforced, by name', (field, abilities, container, spec) => {
    const admission = admitPod(pod(container, spec), abilities);
    expect(admission).toMatchObject({ type: 'refuse', reason: 'CreateContainerConfigError' });
    expect(admission.type === 'refuse' && admission.message).toContain(field);
  });

  it.each(accepted)('accepts %s', (_what, abilities, container, spec) => {
    expect(admitPod(pod(container, spec), abilities)).toEqual({ type: 'accept', announce: [] });
  });

  it('refuses containers that rely on the default command of their image, and says what to do', () => {
    expect(admitPod(pod({ command: [], image: 'busybox' }), root)).toEqual({
      type: 'refuse',
      reason: 'CreateContainerError',
      message: expect.stringMatching(/does not know the default command of "busybox"; name it in `command`/) as string,
    });
  });

  it('announces what is different, once each', () => {
    const container = {
      image: 'busybox:1.36',
      resources: { limits: { memory: '1Gi' } },
      ports: [{ containerPort: 80 }],
      tty: true,
      volumeMounts: [{ name: 'v', mountPath: '/etc/no-such-directory' }],
    };
    const volumes = [{ name: 'v', emptyDir: { medium: 'Memory' } }];
    const admission = admitPod(pod(container, { volumes }), root);
    expect(admission.type === 'accept' && admission.announce.map(({ reason }) => reason)).toEqual([
      'ImageNotPulled',
      'LimitsNotEnforced',
      'PortsNotIsolated',
      'MediumNotHonoured',
      'NoTerminal',
      'DirectoryOverlaid',
    ]);
    expect(JSON.stringify(admission)).toContain('instead of busybox:1.36 the command runs on the host');
  });

  it.each<[string, Abilities['mounts'], Partial<Container>, readonly string[]]>([
    ['the usual place is written to', 'anywhere', { args: ['echo x >/dev/termination-log'] }, ['TerminationMessagePathNotRead']], // prettier-ignore
    ['nobody writes to the usual place', 'none', {}, []],
    ['another place can be mounted', 'anywhere', { terminationMessagePath: '/own/message', args: ['echo x >/own/message'] }, []], // prettier-ignore
    ['another place cannot be mounted', 'none', { terminationMessagePath: '/own/message', args: ['echo x >/own/message'] }, ['TerminationMessagePathNotRead']], // prettier-ignore
    ['a place has to be made in a directory of the host', 'anywhere', { terminationMessagePath: '/etc/no-such-file' }, ['DirectoryOverlaid']], // prettier-ignore
    ['a place that an overlay would be needed for is named to a program', 'existing', { terminationMessagePath: '/etc/no-such-file', env: [{ name: 'A', value: '/etc/no-such-file' }] }, ['TerminationMessagePathNotRead']], // prettier-ignore
  ])('tells of termination messages what it must: %s', (_what, mounts, container, reasons) => {
    const given = { terminationMessagePath: '/dev/termination-log', ...container };
    const admission = admitPod(pod(given), { ...root, mounts });
    expect(admission.type === 'accept' && admission.announce.map(({ reason }) => reason)).toEqual(reasons);
  });

  it('refuses names that could lead out of its directory', () => {
    const strange = pod({});
    const uid = '../../etc';
    expect(admitPod({ ...strange, metadata: { ...strange.metadata, uid } }, root)).toMatchObject({ type: 'refuse' });
    expect(admitPod(pod({ name: '..' }), root)).toMatchObject({ type: 'refuse' });
  });
});

describe('the identity of a Pod in the process runtime', () => {
  const volumes = [{ name: 'kube-api-access-abcde', projected: { sources: [] } }];
  const robot = { serviceAccountName: 'robot', volumes };

  it.each<[string, Partial<PodSpec>, Abilities['mounts'], string]>([
    ['an account of its own', robot, 'anywhere', 'mounted'],
    [
      'a wish for a token',
      { serviceAccountName: 'default', automountServiceAccountToken: true },
      'anywhere',
      'mounted',
    ],
    ['no word about it', { serviceAccountName: 'default', volumes }, 'anywhere', 'none'],
    ['an account of its own', robot, 'none', 'files'],
    ['no word about it', { serviceAccountName: 'default', volumes }, 'none', 'none'],
  ])('with %s (%j, mounts: %s) is %s', (_, spec, mounts, expected) => {
    expect(identityIn(pod({}, spec), { mounts })).toBe(expected);
  });

  it('is announced, never refused, where it cannot be mounted', () => {
    const admission = admitPod(pod({}, robot), user);
    expect(admission).toMatchObject({ type: 'accept' });
    expect(
      admission.type === 'accept' && admission.announce.map(({ reason, message }) => `${reason} ${message}`),
    ).toEqual([
      'ServiceAccountNotMounted This machine cannot mount below /var/run: the token of the ServiceAccount is not at ' +
        '/var/run/secrets/kubernetes.io/serviceaccount but in the directory that $RONDO_VOLUME_KUBE_API_ACCESS_ABCDE names, ' +
        'and $KUBECONFIG names a file for tools',
    ]);
  });
});
