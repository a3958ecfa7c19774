import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  kubectlVersions,
  removeDirectory,
  startRondo,
  type KubectlOptions,
  type KubectlResult,
  type Rondo,
} from './rondo.ts';

let rondo: Rondo;
beforeAll(async () => {
  rondo = await startRondo();
});
afterAll(async () => {
  expect(await rondo.stop()).toBe(0);
  removeDirectory(rondo.dataDir);
});

const jobYaml = (name: string, script: string, extra = ''): string => `
apiVersion: batch/v1
kind: Job
metadata: {name: ${name}}
spec:
${extra}
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: rondo.dev/host
        command: ["/bin/sh", "-c", ${JSON.stringify(script)}]
`;

describe.each(kubectlVersions())('kubectl $version', ({ version, path }) => {
  const suffix = version.replace('.', '-').toLowerCase();
  const kubectl = (args: readonly string[], options: KubectlOptions = {}): KubectlResult =>
    rondo.kubectl(args, { path, ...options });
  const ok = (args: readonly string[], input?: string): string => {
    const result = kubectl(args, input === undefined ? {} : { input });
    expect(`${result.status} ${result.stderr}`, `kubectl ${args.join(' ')}`).toMatch(/^0 /);
    return result.stdout;
  };

  it('applies a Job, waits for it, reads its log and describes it', () => {
    const name = `hello-${suffix}`;
    expect(ok(['apply', '-f', '-'], jobYaml(name, 'echo hello from $0'))).toContain(`job.batch/${name} created`);
    expect(ok(['apply', '-f', '-'], jobYaml(name, 'echo hello from $0'))).toContain(`job.batch/${name} unchanged`);
    ok(['wait', '--for=condition=complete', `job/${name}`, '--timeout=30s']);
    expect(ok(['logs', `job/${name}`])).toBe('hello from /bin/sh\n');
    const described = ok(['describe', 'job', name]);
    expect(described).toMatch(/Pods Statuses:\s+0 Active \(0 Ready\) \/ 1 Succeeded \/ 0 Failed/);
    expect(described).toMatch(/SuccessfulCreate\s+.*Created pod: /);
    expect(described).toMatch(/Completed\s+.*Job completed/);
    expect(ok(['get', 'events'])).toMatch(new RegExp(`Completed +job/${name}`));
  });

  it('shows Jobs in all output formats', () => {
    const name = `shown-${suffix}`;
    ok(['apply', '-f', '-'], jobYaml(name, 'true', '  completions: 2\n  parallelism: 2'));
    ok(['wait', '--for=condition=complete', `job/${name}`, '--timeout=30s']);
    const table = ok(['get', 'jobs', name]);
    expect(table).toMatch(/^NAME +STATUS +COMPLETIONS +DURATION +AGE\n/);
    expect(table).toMatch(new RegExp(`${name} +Complete +2/2 +`));
    expect(ok(['get', 'job', name, '-o', 'wide'])).toMatch(
      /CONTAINERS +IMAGES +SELECTOR\n.* main +rondo\.dev\/host +batch/,
    );
    expect(ok(['get', 'job', name, '-o', 'yaml'])).toContain('kind: Job');
    const json = JSON.parse(ok(['get', 'job', name, '-o', 'json'])) as { status: { succeeded: number } };
    expect(json.status.succeeded).toBe(2);
    expect(ok(['get', 'pods', '-l', `job-name=${name}`])).toMatch(/0\/1 +Completed +0/);
    expect(ok(['get', 'pods', '-l', `job-name=${name}`, '-o', 'wide'])).toMatch(/IP +NODE/);
    expect(ok(['get', 'all', '-l', `job-name=${name}`])).toContain(`job.batch/${name}`);
    expect(ok(['get', 'nodes'])).toMatch(/ Ready /);
  });

  it('watches a Job to its end', async () => {
    const name = `watched-${suffix}`;
    const gate = join(rondo.dataDir, `gate-${suffix}`);
    ok(['apply', '-f', '-'], jobYaml(name, `until [ -e ${gate} ]; do sleep 0.05; done`));
    ok(['wait', '--for=jsonpath={.status.ready}=1', `job/${name}`, '--timeout=30s']);
    const env = { ...process.env, KUBECONFIG: rondo.kubeconfig };
    // A watch of a list misses nothing; one of a single object does not print what happens before it has begun.
    const selector = `--field-selector=metadata.name=${name}`;
    const watch = spawn(path, ['get', 'jobs', selector, '-w', '--request-timeout=30s'], { env });
    const ended = new Promise((resolve) => watch.once('exit', resolve));
    let seen = '';
    // Line by line: a chunk may end anywhere.
    for await (const line of createInterface({ input: watch.stdout })) {
      seen += `${line}\n`;
      if (line.includes('Running')) writeFileSync(gate, '');
      if (line.includes('Complete')) break;
    }
    watch.kill();
    await ended;
    expect(seen).toMatch(new RegExp(`${name} +Running +0/1[^]*${name} +Complete +1/1`));
  });

  it('follows the log of a running Job until it ends', () => {
    const name = `followed-${suffix}`;
    ok(['apply', '-f', '-'], jobYaml(name, 'for i in 1 2 3; do echo line $i; sleep 0.2; done'));
    expect(ok(['logs', '-f', `job/${name}`, '--pod-running-timeout=20s'])).toBe('line 1\nline 2\nline 3\n');
    expect(ok(['logs', `job/${name}`, '--tail=1'])).toBe('line 3\n');
  });

  it('creates Jobs and CronJobs from the command line', () => {
    const name = `made-${suffix}`;
    ok(['create', 'job', name, '--image=rondo.dev/host', '--', 'echo', 'made']);
    ok(['wait', '--for=condition=complete', `job/${name}`, '--timeout=30s']);
    expect(ok(['logs', `job/${name}`])).toBe('made\n');
    ok(['create', 'cronjob', name, '--image=rondo.dev/host', '--schedule=0 0 1 1 *', '--', 'true']);
    expect(ok(['get', 'cronjobs', name])).toMatch(/0 0 1 1 \* +<none> +False +0 +<none>/);
    ok(['create', 'job', `from-${name}`, `--from=cronjob/${name}`]);
    ok(['wait', '--for=condition=complete', `job/from-${name}`, '--timeout=30s']);
    ok(['delete', 'cronjob', name]);
    expect(kubectl(['get', 'job', `from-${name}`, '--ignore-not-found']).status).toBe(0);
  });

  it('makes ConfigMaps, Secrets, namespaces and service accounts', () => {
    ok(['create', 'namespace', `space-${suffix}`]);
    ok(['create', 'configmap', 'settings', '--from-literal=a=1', '-n', `space-${suffix}`]);
    ok(['create', 'secret', 'generic', 'password', '--from-literal=p=secret', '-n', `space-${suffix}`]);
    ok(['create', 'serviceaccount', 'worker', '-n', `space-${suffix}`]);
    expect(ok(['get', 'configmap', 'settings', '-n', `space-${suffix}`, '-o', 'jsonpath={.data.a}'])).toBe('1');
    expect(ok(['get', 'secret', 'password', '-n', `space-${suffix}`, '-o', 'jsonpath={.data.p}'])).toBe('c2VjcmV0');
    ok(['delete', 'namespace', `space-${suffix}`, '--timeout=30s']);
    expect(kubectl(['get', 'namespace', `space-${suffix}`]).stderr).toContain('not found');
  });

  it('patches in three ways, labels and annotates', () => {
    const name = `patched-${suffix}`;
    ok(['apply', '-f', '-'], jobYaml(name, 'true', '  suspend: true'));
    ok(['patch', 'job', name, '--type=strategic', '-p', '{"metadata":{"labels":{"strategic":"yes"}}}']);
    ok(['patch', 'job', name, '--type=merge', '-p', '{"metadata":{"labels":{"merge":"yes"}}}']);
    ok(['patch', 'job', name, '--type=json', '-p', '[{"op":"add","path":"/metadata/labels/json","value":"yes"}]']);
    ok(['label', 'job', name, 'labelled=yes']);
    ok(['annotate', 'job', name, 'note=kept']);
    const object = JSON.parse(ok(['get', 'job', name, '-o', 'json'])) as {
      metadata: { labels: Record<string, string>; annotations: Record<string, string> };
    };
    expect(object.metadata.labels).toMatchObject({ strategic: 'yes', merge: 'yes', json: 'yes', labelled: 'yes' });
    expect(object.metadata.annotations['note']).toBe('kept');
    ok(['label', 'job', name, 'labelled-']);
    expect(ok(['get', 'jobs', '-l', 'labelled=yes', '-o', 'name'])).not.toContain(name);
    ok(['patch', 'job', name, '-p', '{"spec":{"suspend":false}}']);
    ok(['wait', '--for=condition=complete', `job/${name}`, '--timeout=30s']);
  });

  it('applies on the server, and takes over from client-side apply', () => {
    const configMap = (data: Record<string, string>): string =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `applied-${suffix}` }, data });
    const name = `configmap/applied-${suffix}`;
    ok(['apply', '-f', '-'], configMap({ a: 'one', b: 'one' }));
    expect(ok(['apply', '--server-side', '-f', '-'], configMap({ a: 'two' }))).toContain(`${name} serverside-applied`);
    expect(ok(['get', name, '-o', 'jsonpath={.data}'])).toBe('{"a":"two"}');
    const other = ['apply', '--server-side', '--field-manager=other', '-f', '-'];
    expect(kubectl(other, { input: configMap({ a: 'three' }) }).stderr).toContain('conflict with "kubectl": .data.a');
    ok([...other, '--force-conflicts'], configMap({ a: 'three' }));
    expect(ok(['get', name, '-o', 'yaml', '--show-managed-fields'])).toMatch(/manager: other\n +operation: Apply/);
    expect(ok(['get', name, '-o', 'yaml'])).not.toContain('managedFields');
    ok(['delete', name]);
  });

  it.each(['background', 'foreground', 'orphan'] as const)('deletes with --cascade=%s', (cascade) => {
    const name = `deleted-${cascade}-${suffix}`;
    ok(['apply', '-f', '-'], jobYaml(name, 'exec sleep 1000'));
    ok(['wait', '--for=jsonpath={.status.ready}=1', `job/${name}`, '--timeout=30s']);
    ok(['delete', 'job', name, `--cascade=${cascade}`, '--timeout=30s']);
    expect(kubectl(['get', 'job', name]).stderr).toContain(`jobs.batch "${name}" not found`);
    const selector = `batch.kubernetes.io/job-name=${name}`;
    if (cascade === 'orphan') {
      const pods = ok(['get', 'pods', '-l', selector, '-o', 'jsonpath={.items[*].metadata.ownerReferences}']);
      expect(pods).toBe('');
      expect(ok(['get', 'pods', '-l', selector, '--no-headers'])).toMatch(/Running/);
      ok(['delete', 'pods', '-l', selector, '--timeout=30s']);
    } else {
      // Background deletion lets the Pods finish their grace period after the Job is gone.
      ok(['wait', '--for=delete', 'pods', '-l', selector, '--timeout=30s']);
    }
    expect(ok(['get', 'pods', '-l', selector, '-o', 'name'])).toBe('');
  });

  it('shows API errors as kubectl shows them', () => {
    const wrong = kubectl(['apply', '-f', '-'], { input: jobYaml(`wrong-${suffix}`, 'true', '  complotions: 3') });
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toContain('unknown field "spec.complotions"');
    const invalid = kubectl(['apply', '-f', '-'], { input: jobYaml(`wrong-${suffix}`, 'true', '  parallelism: -1') });
    expect(invalid.stderr).toContain('spec.parallelism: Invalid value: -1: must be greater than or equal to 0');
    expect(kubectl(['get', 'job', `wrong-${suffix}`]).stderr).toContain('NotFound');
  });

  it('answers discovery, explain and version', () => {
    expect(ok(['api-resources'])).toMatch(/jobs +batch\/v1 +true +Job/);
    expect(ok(['api-versions'])).toContain('batch/v1');
    expect(ok(['explain', 'job.spec'])).toContain('backoffLimit');
    expect(ok(['version'])).toContain('Server Version: v1.35.0');
  });
});
