import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { allArguments, processesNaming } from './processes.ts';
import { mainScript, removeDirectory, runRondo, temporaryDirectory, type KubectlResult } from './rondo.ts';
import { untilInDirectory, withDeadline } from './waiting.ts';

/** Where `rondo run` makes what it needs, so that what it leaves behind can be seen. */
let temporary: string;
beforeEach(() => {
  temporary = temporaryDirectory();
});
afterEach(() => {
  for (const { pid } of processesNaming(temporary)) process.kill(pid, 'SIGKILL');
  removeDirectory(temporary);
});

const job = (name: string, script: string, spec = ''): string => `
apiVersion: batch/v1
kind: Job
metadata: {name: ${name}}
spec:
  backoffLimit: 0
${spec}
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: rondo.dev/host
        command: [/bin/sh, -c, ${JSON.stringify(script)}]
`;

function run(input: string, args: readonly string[] = []): KubectlResult {
  const result = runRondo(['run', '-f', '-', ...args], { input, env: { TMPDIR: temporary } });
  expectNothingLeft();
  return result;
}

function expectNothingLeft(): void {
  expect(readdirSync(temporary).filter((name) => name.startsWith('rondo-run-'))).toEqual([]);
  expect(processesNaming(join(temporary, 'rondo-run-'))).toEqual([]);
}

describe('rondo run', () => {
  it('runs a Job to its end: its output with the name in front, progress beside it, exit code 0', () => {
    const result = run(job('hello', 'echo one; echo two >&2; printf three'));
    expect(result.status).toBe(0);
    const lines = result.stdout.split('\n');
    expect(lines.map((line) => line.replace(/^\[hello-[a-z0-9]{5}\] /, ''))).toEqual(['one', 'two', 'three', '']);
    expect(lines[0]).toMatch(/^\[hello-[a-z0-9]{5}\] one$/);
    expect(result.stderr).toContain('hello: 0/1 succeeded, 0 failed, 1 running\n');
    expect(result.stderr).toMatch(/hello: 1\/1 succeeded, 0 failed, 0 running\n$/);
  });

  it('exits with 1 and says why when a Job fails, after all Jobs have ended', () => {
    const result = run(`${job('good', 'echo fine')}\n---\n${job('bad', 'echo broken; exit 7')}`);
    expect(result.status).toBe(1);
    expect(result.stdout).toMatch(/^\[good-\w{5}\] fine$/m);
    expect(result.stdout).toMatch(/^\[bad-\w{5}\] broken$/m);
    expect(result.stderr).toMatch(
      /good: 1\/1 succeeded, 0 failed, 0 running; bad: 0\/1 succeeded, 1 failed, 0 running/,
    );
    expect(result.stderr).toMatch(/^job bad failed: BackoffLimitExceeded: .+$/m);
  });

  it('shows the output of all Pods of an Indexed Job', () => {
    const spec = '  completionMode: Indexed\n  completions: 3\n  parallelism: 3';
    const result = run(job('many', 'echo I am $JOB_COMPLETION_INDEX', spec));
    expect(result.status).toBe(0);
    expect([...result.stdout.matchAll(/^\[many-(\d)-\w{5}\] I am (\d)$/gm)].map(([, a, b]) => a! + b!).sort()).toEqual([
      '00',
      '11',
      '22',
    ]);
    expect(result.stderr).toContain('many: 3/3 succeeded, 0 failed, 0 running\n');
  });

  it('runs what several documents and lists hold, with their settings, and CronJobs once', () => {
    const template = `{spec: {restartPolicy: Never, containers: [{name: main, image: rondo.dev/host,
      command: [/bin/sh, -c, 'echo $0 $GREETING $WORD', CRON],
      env: [{name: GREETING, valueFrom: {configMapKeyRef: {name: settings, key: greeting}}},
            {name: WORD, valueFrom: {secretKeyRef: {name: words, key: word}}}]}]}}`;
    const result = run(`
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {greeting: hello}}
- {apiVersion: v1, kind: Secret, metadata: {name: words}, stringData: {word: swordfish}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec: {schedule: '0 0 1 1 *', jobTemplate: {spec: {template: ${template.replace('CRON', 'cron')}}}}
---
# Nothing here.
---
apiVersion: batch/v1
kind: JobList
items:
- metadata: {name: listed}
  spec: {template: ${template.replace('CRON', 'listed')}}
`);
    expect(result.stderr).toMatch(/nightly-manual: 1\/1 succeeded, 0 failed, 0 running/);
    expect(result.status).toBe(0);
    expect(result.stdout).toMatch(/^\[nightly-manual-\w{5}\] cron hello swordfish$/m);
    expect(result.stdout).toMatch(/^\[listed-\w{5}\] listed hello swordfish$/m);
  });

  it('runs Jobs in namespaces of their own and in those that are always there', () => {
    const inNamespace = (name: string): string =>
      job(name, 'echo ran').replace('metadata: {', `metadata: {namespace: ${name}, `);
    const result = run(`${inNamespace('kube-system')}\n---\n${inNamespace('other')}`);
    expect(result.status).toBe(0);
    expect(result.stdout.match(/ran$/gm)).toHaveLength(2);
  });

  it('reads files, several of them and in JSON', () => {
    const file = join(temporary, 'job.yaml');
    writeFileSync(file, job('from-file', 'echo yes'));
    const json = join(temporary, 'map.json');
    writeFileSync(json, JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data: {} }));
    const result = runRondo(['run', '-f', file, '--filename', json], { env: { TMPDIR: temporary } });
    expect(result.status).toBe(0);
    expect(result.stdout).toMatch(/^\[from-file-\w{5}\] yes$/m);
  });

  it('shows the output of every attempt of a container that is started again in its Pod', () => {
    const spec = '  completions: 5\n  parallelism: 5\n  backoffLimit: 100';
    const script = 'echo x >>"$RONDO_VOLUME_V/n"; n=$(wc -l <"$RONDO_VOLUME_V/n"); echo attempt $n; [ $n -ge 2 ]';
    const restarted = job('again', script, spec)
      .replace('  backoffLimit: 0\n', '')
      .replace('restartPolicy: Never', 'restartPolicy: OnFailure\n      volumes: [{name: v, emptyDir: {}}]');
    const result = run(restarted);
    expect(result.status).toBe(0);
    const lines = result.stdout.split('\n').filter((line) => line !== '');
    const pods = new Set(lines.map((line) => line.split(' ', 1)[0]));
    expect(pods.size).toBe(5);
    for (const pod of pods)
      expect(lines.filter((line) => line.startsWith(`${pod} `))).toEqual([`${pod} attempt 1`, `${pod} attempt 2`]);
  });

  it('follows many Pods at once without a word of its own', () => {
    const result = run(job('wide', 'echo here; sleep 0.5', '  completions: 15\n  parallelism: 15'));
    expect(result.status).toBe(0);
    expect(result.stdout.match(/here$/gm)).toHaveLength(15);
    expect(result.stderr.split('\n').filter((line) => !/^(wide: \d+\/15 succeeded.*)?$/.test(line))).toEqual([]);
  });

  it('tells why a container did not start, and once for all Pods what the runtime does not honour', () => {
    const other = job('other', 'true', '  completions: 3\n  parallelism: 3').replace('rondo.dev/host', 'busybox');
    const missing = job('missing', '').replace(/command: .*/, 'command: [/no/such/program]');
    const result = run(`${other}\n---\n${missing}`);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^\[missing-\w{5}\] StartError: .*\/no\/such\/program.*no such file.*$/m);
    expect(result.stderr.match(/^\[other-\w{5}\] ImageNotPulled: .*busybox.*$/gm)).toHaveLength(1);
  });

  it('tells why Pods have no node, instead of waiting in silence', () => {
    const greedy = job('greedy', 'true').replace(
      'image: rondo.dev/host',
      'image: rondo.dev/host\n        resources: {requests: {cpu: "100000"}}',
    );
    const result = run(greedy, ['--timeout', '2']);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(
      /^\[greedy-\w{5}\] FailedScheduling: 0\/1 nodes are available: 1 Insufficient cpu\./m,
    );
  });

  it('ends with its Jobs, however much time they would have had', () => {
    const begin = performance.now();
    expect(run(job('quick', 'true'), ['--timeout', '110']).status).toBe(0);
    expect(performance.now() - begin).toBeLessThan(60_000);
  }, 130_000);

  it('ends everything when the time is over', () => {
    const result = run(job('slow', 'echo begun; exec sleep 1000'), ['--timeout', '1.5']);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^rondo run: time is over$/m);
    expect(result.stdout).toMatch(/begun/);
  });
});

describe('bad input of rondo run', () => {
  const good = job('good', 'true');
  const configMap = '{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {}}';
  const cron = (schedule: string): string => `
apiVersion: batch/v1
kind: CronJob
metadata: {name: c}
spec: {schedule: ${schedule}, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: m, image: rondo.dev/host, command: ['true']}]}}}}}
`;
  it.each([
    ['broken YAML', 'a: [b\nc: d', /^rondo run: -: .+$/],
    ['an unknown field', job('x', 'true', '  complotions: 2'), /^rondo run: -: unknown field "spec\.complotions"$/],
    ['a duplicate field', job('x', 'true', '  backoffLimit: 1'), /^rondo run: -: .*(duplicate|unique).*$/],
    ['a wrong type', job('x', 'true', '  parallelism: many'), /^rondo run: -: .*parallelism.*$/],
    ['an invalid value', job('x', 'true', '  parallelism: -1'), /^rondo run: .*spec\.parallelism: Invalid value: -1: must be greater than or equal to 0$/], // prettier-ignore
    ['a missing image', job('x', 'true').replace(/ +image: .*\n/, ''), /^rondo run: .*spec\.template\.spec\.containers\[0\]\.image: Required value$/], // prettier-ignore
    [
      'a name that is none',
      job('Not_A_Name', 'true'),
      /^rondo run: .*metadata\.name: Invalid value: "Not_A_Name": .*$/,
    ],
    [
      'a namespace that is none',
      job('x', 'true').replace('metadata: {', 'metadata: {namespace: Not_A_Name, '),
      /^rondo run: .*metadata\.name: Invalid value: "Not_A_Name": .*$/,
    ],
    ['another kind', '{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}}', /^rondo run: -: cannot run apps\/v1 Deployment; only .*$/], // prettier-ignore
    ['another version', good.replace('batch/v1', 'batch/v2'), /^rondo run: -: cannot run batch\/v2 Job; only .*$/],
    ['no kind', 'metadata: {name: x}', /^rondo run: -: a document has no kind$/],
    ['a text', 'hello', /^rondo run: -: a document is not an object$/],
    [
      'a list item that is none',
      '{apiVersion: v1, kind: List, items: [7]}',
      /^rondo run: -: a document is not an object$/,
    ],
    ['no Job', configMap, /^rondo run: no Job or CronJob in -$/],
    ['nothing', '', /^rondo run: no Job or CronJob in -$/],
    ['two of one name', `${good}\n---\n${good}`, /^rondo run: jobs\.batch "good" already exists$/],
    ['a good one before a bad one', `${good}\n---\n${job('x', 'true', '  parallelism: -1')}`, /parallelism/],
    ['a CronJob with a schedule that is none', cron('every day'), /^rondo run: .*spec\.schedule: Invalid value: "every day": .*$/], // prettier-ignore
    ['a suspended Job', job('x', 'true', '  suspend: true'), /^rondo run: job x would never end: it is suspended$/],
    ['a Job of another controller', job('x', 'true', '  managedBy: a.example/b'), /^rondo run: job x would never end: it is managed by "a\.example\/b"$/], // prettier-ignore
    ['a Job without parallelism', job('x', 'true', '  parallelism: 0'), /^rondo run: job x would never end: its parallelism is 0$/], // prettier-ignore
    ['a CronJob without a template', '{apiVersion: batch/v1, kind: CronJob, metadata: {name: c}, spec: {schedule: "* * * * *"}}', /^rondo run: .*spec\.template\.spec\.containers: Required value.*$/], // prettier-ignore
  ])('%s: exit code 2, one line, nothing run', (_name, input, message) => {
    const result = run(input);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    const [line, ...more] = result.stderr.trimEnd().split('\n');
    expect(line).toMatch(message);
    expect(more).toEqual([]);
  });

  it('a file that is missing or a directory, a wrong time, a wrong runtime', () => {
    const cases = [
      [['-f', join(temporary, 'none.yaml')], `rondo run: cannot read ${join(temporary, 'none.yaml')}: ENOENT\n`],
      [['-f', temporary], `rondo run: cannot read ${temporary}: EISDIR\n`],
      [['-f', '-', '--timeout', 'Infinity'], 'rondo run: --timeout must be a number above 0\n'],
      [['-f', '-', '--timeout', 'soon'], 'rondo run: --timeout must be a number above 0\n'],
      [['-f', '-', '--runtime', 'docker'], 'rondo run: --runtime must be one of process, sandbox, cri, simulated\n'],
    ] as const;
    for (const [args, stderr] of cases) {
      expect(runRondo(['run', ...args], { env: { TMPDIR: temporary } })).toEqual({ status: 2, stdout: '', stderr });
    }
    expectNothingLeft();
  });
});

it('says in one line where rondo run has no place for its files', () => {
  const missing = join(temporary, 'none');
  const result = runRondo(['run', '-f', '-'], { input: job('good', 'true'), env: { TMPDIR: missing } });
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toMatch(
    new RegExp(`^rondo run: ENOENT: no such file or directory, mkdtemp '${missing}/.*'\n$`),
  );
});

describe.runIf(process.platform === 'linux')('while rondo run runs', () => {
  const secret = 'correct-horse-battery-staple';

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s ends it with 130 and leaves nothing; secrets are seen nowhere',
    async (signal) => {
      const marker = join(temporary, 'marks');
      const stubborn = `trap '' TERM INT; echo up > ${marker}.new; mv ${marker}.new ${marker}; sleep 1000 & wait; sleep 1000`;
      const withSecret = job('held', stubborn).replace(
        '        command:',
        '        env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: s, key: password}}}]\n        command:',
      );
      const input = `{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {password: ${secret}}}\n---\n${withSecret}`;
      const child = spawn(process.execPath, [mainScript, 'run', '-f', '-'], {
        env: { ...process.env, TMPDIR: temporary },
      });
      const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => (output += text));
      }
      child.stdin.end(input);
      await untilInDirectory(temporary, 'the container to run', () => existsSync(marker));
      expect(allArguments()).not.toContain(secret);
      expect(processesNaming(temporary).length).toBeGreaterThan(1);
      child.kill(signal);
      expect(await withDeadline(`the end after ${signal}`, 15_000, ended)).toBe(130);
      expect(output).not.toContain(secret);
      expectNothingLeft();
      expect(processesNaming(temporary)).toEqual([]);
    },
  );
});
