import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createApiServer } from '../../../src/apiserver/create-api-server.ts';
import { noPods } from '../../../src/apiserver/no-pods.ts';
import { systemClock, systemRandom } from '../../../src/clock/index.ts';
import { silentLogger } from '../../../src/log/index.ts';
import { createMemoryStore } from '../../../src/store/index.ts';
import { makeCertificates } from './test-server.ts';

const found = spawnSync('kubectl', ['version', '--client']).status === 0;

const manifest = `
apiVersion: batch/v1
kind: Job
metadata: {name: first, labels: {app: x}}
spec:
  completions: 2
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: rondo.dev/host, command: [echo, hi]}]
`;

type Kubectl = (...args: string[]) => Promise<{ code: number; out: string; error: string }>;

/** The API server over TLS without any controller, and the kubectl of this machine beside it. */
async function startWithKubectl(): Promise<{ kubectl: Kubectl; file: string }> {
  const certificates = await makeCertificates();
  const common = { clock: systemClock, random: systemRandom, log: silentLogger };
  const api = createApiServer({
    store: createMemoryStore({ clock: systemClock }),
    podStreams: noPods,
    ...common,
  });
  await api.start();
  const tls = { cert: certificates.serverCert, key: certificates.serverKey, clientCa: certificates.ca };
  const { url } = await api.listen({ host: '127.0.0.1', port: 0, tokens: new Map(), tls });
  const home = mkdtempSync(join(tmpdir(), 'rondo-kubectl-'));
  onTestFinished(async () => {
    await api.stop();
    rmSync(home, { recursive: true });
  });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const user = {
    'client-certificate-data': base64(certificates.adminCert),
    'client-key-data': base64(certificates.adminKey),
  };
  const cluster = { server: url, 'certificate-authority-data': base64(certificates.ca) };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(join(home, 'config'), JSON.stringify(config));
  const file = join(home, 'job.yaml');
  writeFileSync(file, manifest);
  const env = { ...process.env, HOME: home, KUBECONFIG: join(home, 'config') };
  const kubectl: Kubectl = (...args) =>
    new Promise((resolve) => {
      execFile('kubectl', args, { env, timeout: 15_000 }, (error, out, errorText) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, error: errorText });
      });
    });
  return { kubectl, file };
}

describe.skipIf(!found)('the real kubectl', () => {
  it(
    'lives with the API server: discovery, apply, tables, patches, dry runs, deletion',
    { timeout: 60_000 },
    async () => {
      const { kubectl, file } = await startWithKubectl();
      const steps: [string[], string | RegExp][] = [
        [['api-resources', '--api-group=batch', '-o', 'name'], 'cronjobs.batch\njobs.batch\n'],
        [['apply', '-f', file], 'job.batch/first created\n'],
        [['apply', '-f', file], 'job.batch/first unchanged\n'],
        [['get', 'jobs'], /^NAME +STATUS +COMPLETIONS +DURATION +AGE\nfirst +Running +0\/2 +\d+s\n$/],
        [['get', 'job', 'first', '-o', 'wide'], /CONTAINERS +IMAGES +SELECTOR/],
        [['create', 'job', 'second', '--image=rondo.dev/host', '--', 'true'], 'job.batch/second created\n'],
        [['create', 'configmap', 'm', '--from-literal=a=b'], 'configmap/m created\n'],
        [['get', 'configmap', 'm', '-o', 'jsonpath={.data.a}'], 'b'],
        [['label', 'job', 'first', 'a=b'], 'job.batch/first labeled\n'],
        [['annotate', 'job', 'first', 'a=b'], 'job.batch/first annotated\n'],
        [['patch', 'job', 'first', '-p', '{"spec":{"suspend":true}}'], 'job.batch/first patched\n'],
        [['patch', 'job', 'first', '--type=merge', '-p', '{"spec":{"suspend":null}}'], 'job.batch/first patched\n'],
        [
          ['patch', 'job', 'first', '--type=json', '-p', '[{"op":"remove","path":"/metadata/labels/a"}]'],
          'job.batch/first patched\n',
        ],
        [['explain', 'job.spec.completions'], /completions <integer>/],
        [['explain', 'pod.spec.containers'], /image\t<string>/],
        [['describe', 'job', 'first'], /Pods Statuses: +0 Active/],
        [['create', '-f', file, '--dry-run=server', '--save-config=false'], /already exists/],
        [['delete', 'job', 'first', 'second'], 'job.batch "first" deleted\njob.batch "second" deleted\n'],
        [['create', '-f', file, '--dry-run=server'], 'job.batch/first created (server dry run)\n'],
        [['get', 'jobs', '-o', 'name'], ''],
        [['create', 'serviceaccount', 'builder'], 'serviceaccount/builder created\n'],
        [['create', 'token', 'builder', '--duration=20m'], /^[\w-]+\.[\w-]+\.[\w-]+\n?$/],
        [['create', 'token', 'builder', '--duration=9m'], /may not specify a duration less than 10 minutes/],
        [['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'], 'rondo-admin'],
        [['auth', 'whoami'], /Groups +\[system:masters system:authenticated\]/],
        [['auth', 'can-i', 'delete', 'jobs'], 'yes\n'],
        [['auth', 'can-i', 'get', 'jobs', '--as=bob'], 'no\n'],
        [
          ['create', 'role', 'reader', '--verb=get,list', '--resource=jobs.batch,pods/log', '--resource-name='],
          'role.rbac.authorization.k8s.io/reader created\n',
        ],
        [['create', 'rolebinding', 'bobs', '--role=reader', '--user=bob'], /rolebinding.*bobs created/],
        [['auth', 'can-i', 'get', 'jobs', '--as=bob'], 'yes\n'],
        [['auth', 'can-i', 'get', 'pods', '--subresource=log', '--as=bob'], 'yes\n'],
        [['auth', 'can-i', 'get', 'jobs', '--as=bob', '-n', 'kube-system'], 'no\n'],
        [['auth', 'can-i', '--list', '--as=bob'], /jobs\.batch +\[\] +\[\] +\[get list\]/],
        [['get', 'jobs', '--as=bob'], /No resources found/],
        [
          ['get', 'rolebindings', '-o', 'wide'],
          /NAME +ROLE +AGE +USERS +GROUPS +SERVICEACCOUNTS\nbobs +Role\/reader +\d+s +bob/,
        ],
        [['describe', 'clusterrole', 'system:aggregate-to-view'], /cronjobs\.batch/],
        [
          ['auth', 'whoami', '--as=bob', '--as-group=ops', '-o', 'jsonpath={.status.userInfo.groups}'],
          '["ops","system:authenticated"]',
        ],
        [['get', 'job', 'first'], 'Error from server (NotFound): jobs.batch "first" not found\n'],
        [
          ['get', 'pods', '--as=bob'],
          /Forbidden.*User "bob" cannot list resource "pods" in API group "" in the namespace "default"/,
        ],
      ];
      for (const [args, expected] of steps) {
        const { out, error } = await kubectl(...args);
        const text = out + error;
        if (typeof expected === 'string') expect(text, args.join(' ')).toBe(expected);
        else expect(text, args.join(' ')).toMatch(expected);
      }
    },
  );

  it('watches tables until its time is up', { timeout: 60_000 }, async () => {
    const { kubectl, file } = await startWithKubectl();
    await kubectl('apply', '-f', file);
    const watching = kubectl('get', 'jobs', '--watch', '--output-watch-events', '--request-timeout=2s');
    await kubectl('label', 'job', 'first', 'seen=true');
    const { out } = await watching;
    expect(out).toMatch(/^EVENT +NAME +STATUS/);
    expect(out).toMatch(/ADDED +first/);
  });
});
