import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestKubectl, removeDirectory, startRondo, type Rondo } from './rondo.ts';

const mayMount =
  process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;
if (!mayMount) console.log('identities of Pods are left out: mounts need root here');
const root = fileURLToPath(new URL('../../', import.meta.url));
const path = '/var/run/secrets/kubernetes.io/serviceaccount';

let rondo: Rondo;
beforeAll(async () => {
  rondo = await startRondo({ args: ['--runtime', 'process'] });
  ok(['create', 'serviceaccount', 'robot']);
});
afterAll(async () => {
  expect(await rondo.stop()).toBe(0);
  removeDirectory(rondo.dataDir);
});

function ok(args: readonly string[], input: unknown = ''): string {
  const result = rondo.kubectl(args, { input: typeof input === 'string' ? input : JSON.stringify(input) });
  expect(`${result.status} ${result.stderr}`, `kubectl ${args.join(' ')}`).toMatch(/^0 /);
  return result.stdout;
}

/** Runs a Pod to its end and gives its log. */
function logOf(name: string, script: string, spec: object = {}): string {
  const container = { name: 'main', image: 'rondo.dev/host', command: ['/bin/sh', '-c', script] };
  const metadata = { name };
  ok(['create', '-f', '-'], {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata },
    spec: { restartPolicy: 'Never', containers: [container], serviceAccountName: 'robot', ...spec },
  });
  ok(['wait', '--for=jsonpath={.status.phase}=Succeeded', `pod/${name}`, '--timeout=30s']);
  return ok(['logs', name]);
}

/** Of the tools in the Pod: nothing is configured, not even a home. */
const kubectl = `env HOME=/nonexistent ${newestKubectl()} --cache-dir=/tmp/rondo-e2e-kubectl`;
const library = `
  const { KubeConfig, ApisApi } = require('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromCluster();
  config.makeApiClient(ApisApi).getAPIVersions().then(({ groups }) => console.log(groups.map(({ name }) => name).join(' ')));
`;

describe.runIf(mayMount).each([
  ['process', {}],
  ['sandbox', { runtimeClassName: 'sandbox' }],
  ['host-network', { runtimeClassName: 'sandbox', hostNetwork: true }],
])('a Pod with a ServiceAccount (%s)', (runtime, spec) => {
  it('finds token, CA and namespace at the usual path', () => {
    const script = `cat ${path}/namespace; echo; cut -c1-3 ${path}/token; head -1 ${path}/ca.crt; touch ${path}/x 2>/dev/null || echo read-only`;
    expect(logOf(`files-${runtime}`, script, spec)).toBe('default\neyJ\n-----BEGIN CERTIFICATE-----\nread-only\n');
  });

  it('reaches the API server with kubectl and nothing configured', () => {
    const log = logOf(`kubectl-${runtime}`, `${kubectl} get pods 2>&1; ${kubectl} get --raw /version`, spec);
    expect(log).toContain('User "system:serviceaccount:default:robot" cannot list resource "pods"');
    expect(log).toContain('"major"');
  });

  it('reaches the API server with a client library and nothing configured', () => {
    const script = `cd ${root} && ${process.execPath} -e '${library.replaceAll('\n', ' ').replaceAll("'", '"')}'`;
    expect(logOf(`library-${runtime}`, script, spec)).toContain('batch');
  });
});

describe.runIf(mayMount)('a Pod with a network of its own', () => {
  it('reaches the API server at its gateway, also after the engine was killed', async () => {
    const script = `until [ -e /tmp/go ]; do sleep 0.02; done; echo "$KUBERNETES_SERVICE_HOST"; ${kubectl} get --raw /version`;
    const container = { name: 'main', image: 'rondo.dev/host', command: ['/bin/sh', '-c', script] };
    ok(['create', '-f', '-'], {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'lasting' } },
      spec: { restartPolicy: 'Never', runtimeClassName: 'sandbox', containers: [container] },
    });
    ok(['wait', '--for=condition=Ready', 'pod/lasting', '--timeout=30s']);
    const { port } = new URL(rondo.url);
    expect(await rondo.stop('SIGKILL')).toBeNull();
    rondo = await startRondo({ dataDir: rondo.dataDir, args: ['--runtime', 'process'], listen: `127.0.0.1:${port}` });
    ok(['exec', 'lasting', '--', 'touch', '/tmp/go']);
    ok(['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/lasting', '--timeout=30s']);
    const log = ok(['logs', 'lasting']);
    const [gateway = '', ...version] = log.split('\n');
    expect(gateway).toMatch(/^10\.201\.\d+\.1$/);
    expect(version.join('')).toContain('"major"');
  });
});

describe('a Pod of the ServiceAccount default', () => {
  it('runs plainly in the process runtime, as if there were no such volume', () => {
    const log = logOf('plain', `echo "$KUBECONFIG"; ls ${path} 2>&1; readlink /proc/self/ns/mnt`, {
      serviceAccountName: 'default',
    });
    expect(log).toContain('No such file');
    expect(log).toContain(spawnSync('readlink', ['/proc/self/ns/mnt'], { encoding: 'utf8' }).stdout);
  });
});
