import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '../api/index.ts';
import { asRun, serverVariables, withKubeconfig } from './pod-identity.ts';

const path = '/var/run/secrets/kubernetes.io/serviceaccount';
const mount = { name: 'kube-api-access-abcde', mountPath: path, readOnly: true };
const data = { name: 'data', mountPath: '/data' };

const pod = {
  metadata: { name: 'p', namespace: 'n' },
  spec: {
    containers: [{ name: 'c', volumeMounts: [data, mount] }],
    initContainers: [{ name: 'i', volumeMounts: [mount] }],
    volumes: [
      { name: 'data', emptyDir: {} },
      { name: mount.name, projected: { sources: [] } },
    ],
  } as unknown as PodSpec,
} as unknown as Pod;

const runtime = (identity: 'mounted' | 'files' | 'none') => ({ identityOf: () => identity });
const server = { host: '127.0.0.1', port: 6443 };

describe('a Pod as its runtime runs it', () => {
  it('is what was asked for where the volume can be mounted', () => {
    expect(asRun(pod, { runtime: runtime('mounted') })).toBe(pod);
    expect(asRun(pod, { runtime: {} })).toBe(pod);
  });

  it('lacks only the mounts where files are all that can be had', () => {
    const { spec } = asRun(pod, { runtime: runtime('files') });
    expect(spec.volumes).toEqual(pod.spec.volumes);
    expect(spec.containers[0]?.volumeMounts).toEqual([data]);
    expect(spec.initContainers?.[0]?.volumeMounts).toEqual([]);
  });

  it('lacks the volume too where there is no identity', () => {
    const { spec } = asRun(pod, { runtime: runtime('none') });
    expect(spec.volumes).toEqual([{ name: 'data', emptyDir: {} }]);
    expect(spec.containers[0]?.volumeMounts).toEqual([data]);
  });

  it('keeps volumes that somebody wrote into it, though they hold tokens', () => {
    const own = {
      ...pod,
      spec: {
        ...pod.spec,
        volumes: [{ name: 'own', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }],
      },
    } as Pod;
    expect(asRun(own, { runtime: runtime('none') })).toBe(own);
  });
});

describe('the kubeconfig of a Pod', () => {
  const contents = [{ name: mount.name, type: 'projected', files: new Map() } as const];

  it('lies beside token and CA, and names them as they lie there', () => {
    const [content] = withKubeconfig(pod, contents, { runtime: runtime('files'), server });
    const text = Buffer.from(content?.files.get('kubeconfig')?.content ?? []).toString();
    expect(JSON.parse(text)).toMatchObject({
      clusters: [{ cluster: { server: 'https://127.0.0.1:6443', 'certificate-authority': 'ca.crt' } }],
      users: [{ user: { tokenFile: 'token' } }],
      contexts: [{ context: { namespace: 'n' } }],
    });
  });

  it('is made only where nothing can be mounted', () => {
    expect(withKubeconfig(pod, contents, { runtime: runtime('mounted'), server })).toBe(contents);
    expect(withKubeconfig(pod, contents, { runtime: runtime('files'), server: undefined })).toBe(contents);
  });
});

describe('the variables of the API server', () => {
  it('are those that client libraries look for', () => {
    expect(serverVariables({ host: '::1', port: 7 })).toEqual({
      KUBERNETES_SERVICE_HOST: '::1',
      KUBERNETES_SERVICE_PORT: '7',
      KUBERNETES_SERVICE_PORT_HTTPS: '7',
      KUBERNETES_PORT: 'tcp://[::1]:7',
      KUBERNETES_PORT_7_TCP: 'tcp://[::1]:7',
      KUBERNETES_PORT_7_TCP_PROTO: 'tcp',
      KUBERNETES_PORT_7_TCP_PORT: '7',
      KUBERNETES_PORT_7_TCP_ADDR: '::1',
    });
    expect(serverVariables(undefined)).toEqual({});
  });
});
