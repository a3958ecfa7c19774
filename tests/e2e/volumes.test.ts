import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { resources, type ContainerStatus, type Pod } from '../../src/api/index.ts';
import { clientFor } from './api.ts';
import { processesNaming } from './processes.ts';
import { removeDirectory, startRondo, temporaryDirectory, type Rondo } from './rondo.ts';
import { untilInDirectory, waitForObjects } from './waiting.ts';

const linux = process.platform === 'linux';
const mayMount = linux && process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;
if (!mayMount) console.log('mount paths are left out: they need root here');

let rondo: Rondo;
const outside = temporaryDirectory();
beforeAll(async () => {
  rondo = await startRondo();
});
afterEach(() => {
  ok(['delete', 'pods,jobs,configmaps,secrets', '--all', '--force', '--grace-period=0', '--timeout=30s']);
});
afterAll(async () => {
  expect(await rondo.stop()).toBe(0);
  expect(linux ? processesNaming(rondo.dataDir) : []).toEqual([]);
  for (const directory of [rondo.dataDir, outside]) removeDirectory(directory);
});

function ok(args: readonly string[], input: unknown = ''): string {
  const result = rondo.kubectl(args, { input: typeof input === 'string' ? input : JSON.stringify(input) });
  expect(`${result.status} ${result.stderr}`, `kubectl ${args.join(' ')}`).toMatch(/^0 /);
  return result.stdout;
}

interface PodParts {
  readonly name: string;
  readonly script: string;
  readonly container?: object;
  readonly spec?: object;
  readonly metadata?: object;
}

function podOf({ name, script, container, spec, metadata }: PodParts): object {
  const main = { name: 'main', image: 'rondo.dev/host', command: ['/bin/sh', '-c', script], ...container };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers: [main], ...spec },
  };
}

const getPod = (name: string): Pod => JSON.parse(ok(['get', 'pod', name, '-o', 'json'])) as Pod;
const mainOf = (pod: Pod): ContainerStatus => pod.status.containerStatuses![0]!;

/** Runs a Pod to its end and gives its log. */
function logOf(parts: PodParts, phase: 'Succeeded' | 'Failed' = 'Succeeded'): string {
  ok(['create', '-f', '-'], podOf(parts));
  ok(['wait', `--for=jsonpath={.status.phase}=${phase}`, `pod/${parts.name}`, '--timeout=20s']);
  return ok(['logs', parts.name]);
}

/** Waits for an Event about an object and gives its messages. */
async function eventsOf(name: string, reason: string): Promise<string> {
  const events = await waitForObjects(clientFor(rondo), resources.events, {
    namespace: 'default',
    fieldSelector: `involvedObject.name=${name},reason=${reason}`,
    what: `an Event ${reason} about ${name}`,
    timeoutMs: 10_000,
    until: (found) => found.length > 0,
  });
  return events.map(({ message }) => message).join('\n');
}

describe.runIf(mayMount)('volumes', () => {
  it('are at their mount paths with content and modes, and the host sees none of it', async () => {
    const mountsBefore = readFileSync('/proc/self/mountinfo', 'utf8');
    const etcBefore = readdirSync('/etc');
    ok(['create', 'configmap', 'settings', '--from-literal=a.conf=one', '--from-literal=b.conf=two']);
    ok(['create', 'secret', 'generic', 'keys', '--from-literal=key=hidden']);
    const log = logOf({
      name: 'mounts',
      script: [
        'cat /rondo-e2e/config/a.conf; echo',
        'ls /rondo-e2e/config',
        'stat -L -c %a /rondo-e2e/config/a.conf /rondo-e2e/secret/renamed',
        'cat /rondo-e2e/secret/renamed; echo',
        'cat /etc/rondo-e2e.conf; echo',
        'cat /desk/from-init',
        'touch /desk/mine /rondo-e2e/config/new 2>/dev/null || echo read-only',
        'cat "$RONDO_VOLUME_CONFIG/b.conf"; echo',
        'echo written > /etc/rondo-e2e-written',
      ].join('\n'),
      container: {
        volumeMounts: [
          { name: 'config', mountPath: '/rondo-e2e/config', readOnly: true },
          { name: 'secret', mountPath: '/rondo-e2e/secret' },
          { name: 'config', mountPath: '/etc/rondo-e2e.conf', subPath: 'b.conf' },
          { name: 'scratch', mountPath: '/desk' },
        ],
      },
      spec: {
        initContainers: [
          {
            name: 'init',
            image: 'rondo.dev/host',
            command: ['/bin/sh', '-c', 'echo from init > /rondo-e2e-init/from-init'],
            volumeMounts: [{ name: 'scratch', mountPath: '/rondo-e2e-init' }],
          },
        ],
        volumes: [
          { name: 'config', configMap: { name: 'settings' } },
          { name: 'secret', secret: { secretName: 'keys', items: [{ key: 'key', path: 'renamed', mode: 0o400 }] } },
          { name: 'scratch', emptyDir: {} },
        ],
      },
    });
    expect(log.trimEnd().split('\n')).toEqual(
      ['one', 'a.conf', 'b.conf', '644', '400', 'hidden', 'two', 'from init', 'read-only', 'two'], // prettier-ignore
    );
    for (const path of ['/rondo-e2e', '/rondo-e2e-init', '/etc/rondo-e2e.conf', '/etc/rondo-e2e-written'])
      expect(existsSync(path), path).toBe(false);
    expect(readdirSync('/etc')).toEqual(etcBefore);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mountsBefore);
    expect(await eventsOf('mounts', 'DirectoryOverlaid')).toContain('/etc/rondo-e2e.conf does not exist on the host');
  });

  it('end a Pod that writes more into them than their limit', async () => {
    ok(
      ['create', '-f', '-'],
      podOf({
        name: 'greedy',
        script: 'head -c 3000000 /dev/zero > /desk/file; exec sleep 300',
        container: { volumeMounts: [{ name: 'scratch', mountPath: '/desk' }] },
        spec: { volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '1Mi', medium: 'Memory' } }] },
      }),
    );
    ok(['wait', '--for=jsonpath={.status.phase}=Failed', 'pod/greedy', '--timeout=30s']);
    expect(getPod('greedy').status).toMatchObject({
      reason: 'Evicted',
      message: 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". ',
    });
    expect(await eventsOf('greedy', 'MediumNotHonoured')).toContain('scratch: medium Memory is not available');
  }, 40_000);

  it('and its output count against its ephemeral storage', async () => {
    ok(
      ['create', '-f', '-'],
      podOf({
        name: 'talkative',
        script: 'head -c 3000000 /dev/zero | tr "\\0" x; exec sleep 300',
        container: { resources: { limits: { 'ephemeral-storage': '1Mi' } } },
      }),
    );
    ok(['wait', '--for=jsonpath={.status.phase}=Failed', 'pod/talkative', '--timeout=30s']);
    expect(getPod('talkative').status).toMatchObject({
      reason: 'Evicted',
      message: 'Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ',
    });
  }, 40_000);

  it('are gone with their Pod', async () => {
    logOf({
      name: 'gone',
      script: 'echo kept > /rondo-e2e/file',
      container: { volumeMounts: [{ name: 'scratch', mountPath: '/rondo-e2e' }] },
      spec: { volumes: [{ name: 'scratch', emptyDir: {} }] },
    });
    const { uid } = getPod('gone').metadata;
    const pods = join(rondo.dataDir, 'pods', 'pods');
    expect(readdirSync(pods)).toContain(uid);
    ok(['delete', 'pod', 'gone', '--timeout=20s']);
    await untilInDirectory(pods, 'the directory of the Pod to go', () => !readdirSync(pods).includes(uid));
  });

  it('that name what is missing keep the Pod waiting until it is there', async () => {
    const waiting = podOf({
      name: 'early',
      script: 'cat /rondo-e2e/word',
      container: { volumeMounts: [{ name: 'late', mountPath: '/rondo-e2e' }] },
      spec: { volumes: [{ name: 'late', configMap: { name: 'late' } }] },
    });
    ok(['create', '-f', '-'], waiting);
    expect(await eventsOf('early', 'FailedMount')).toContain('configmap "late" not found');
    expect(mainOf(getPod('early')).state?.waiting?.reason).toBe('ContainerCreating');
    ok(['create', 'configmap', 'late', '--from-literal=word=now']);
    ok(['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/early', '--timeout=20s']);
    expect(ok(['logs', 'early'])).toBe('now');
  });
});

describe('the environment of a container', () => {
  it('holds literals, ConfigMaps, Secrets, fields and resources', () => {
    ok(['create', 'configmap', 'settings', '--from-literal=GREETING=hello', '--from-literal=COLOUR=blue']);
    ok(['create', 'secret', 'generic', 'keys', '--from-literal=PASSWORD=hidden']);
    const log = logOf({
      name: 'environment',
      metadata: { labels: { team: 'red' } },
      script: 'echo "$ONE|$GREETING|$CM_COLOUR|$PASSWORD|$POD|$NS|$TEAM|$CPU|$MEMORY|$BOTH|$MISSING|$ESCAPED"',
      container: {
        resources: { requests: { cpu: '250m', memory: '64Mi' } },
        envFrom: [
          { configMapRef: { name: 'settings' } },
          { prefix: 'CM_', configMapRef: { name: 'settings' } },
          { secretRef: { name: 'nowhere', optional: true } },
        ],
        env: [
          { name: 'ONE', value: '1' },
          { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'keys', key: 'PASSWORD' } } },
          { name: 'MISSING', valueFrom: { configMapKeyRef: { name: 'settings', key: 'none', optional: true } } },
          { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'NS', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
          { name: 'TEAM', valueFrom: { fieldRef: { fieldPath: "metadata.labels['team']" } } },
          { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'requests.cpu', divisor: '1m' } } },
          { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'requests.memory', divisor: '1Mi' } } },
          { name: 'BOTH', value: '$(ONE)-$(GREETING)' },
          { name: 'ESCAPED', value: '$$(ONE)' },
        ],
      },
    });
    expect(log).toBe('1|hello|blue|hidden|environment|default|red|250|64|1-hello||$(ONE)\n');
  });

  it.each([
    ['a ConfigMap', { configMapKeyRef: { name: 'none', key: 'k' } }, 'configmap "none" not found'],
    ['a Secret', { secretKeyRef: { name: 'none', key: 'k' } }, 'secret "none" not found'],
  ])('is refused with CreateContainerConfigError without %s', (_name, valueFrom, message) => {
    ok(
      ['create', '-f', '-'],
      podOf({ name: 'refused', script: 'true', container: { env: [{ name: 'A', valueFrom }] } }),
    );
    waitForReason('refused', 'CreateContainerConfigError');
    expect(mainOf(getPod('refused')).state?.waiting?.message).toBe(message);
    ok(['delete', 'pod', 'refused', '--timeout=20s']);
  });
});

function waitForReason(name: string, reason: string): void {
  const path = '{.status.containerStatuses[0].state.waiting.reason}';
  ok(['wait', `--for=jsonpath=${path}=${reason}`, `pod/${name}`, '--timeout=20s']);
}

describe('what the process runtime cannot honour', () => {
  const own = process.getuid?.() ?? 0;
  it.each([
    ['readOnlyRootFilesystem', { readOnlyRootFilesystem: true }, 'securityContext.readOnlyRootFilesystem'],
    ['another user', { runAsUser: own + 4321 }, 'securityContext.runAsUser'],
    ['another group', { runAsGroup: 54_321 }, 'securityContext.runAsGroup'],
    ['a seccomp profile', { seccompProfile: { type: 'RuntimeDefault' } }, 'securityContext.seccompProfile'],
    ['SELinux', { seLinuxOptions: { level: 's0' } }, 'securityContext.seLinuxOptions'],
  ])('is refused by the name of the field: %s', async (_name, securityContext, field) => {
    ok(
      ['create', '-f', '-'],
      podOf({ name: 'refused', script: `echo ran > ${outside}/ran`, container: { securityContext } }),
    );
    waitForReason('refused', 'CreateContainerConfigError');
    expect(mainOf(getPod('refused')).state?.waiting?.message).toContain(`spec.containers{main}.${field}: `);
    expect(await eventsOf('refused', 'Failed')).toContain(field);
    expect(existsSync(join(outside, 'ran'))).toBe(false);
    ok(['delete', 'pod', 'refused', '--timeout=20s']);
  });

  it('is announced where it protects nobody: images are not pulled', async () => {
    logOf({ name: 'image', script: 'true', container: { image: 'busybox:1.36' } });
    expect(await eventsOf('image', 'ImageNotPulled')).toBe(
      "The process runtime pulls no images: instead of busybox:1.36 the command runs on the host's own files",
    );
  });

  it('is not announced for the image that means the host', async () => {
    logOf({ name: 'host-image', script: 'true' });
    // Events come in order, and this one comes after all announcements.
    expect(await eventsOf('host-image', 'Started')).toBe('Container started: main');
    expect(
      ok(['get', 'events', '--field-selector', 'involvedObject.name=host-image,reason=ImageNotPulled', '-o', 'name']),
    ).toBe('');
  });
});

describe('the end of a container', () => {
  it.each([
    ['Completed', 'exit 0', 0, 'Succeeded'],
    ['Error', 'exit 42', 42, 'Failed'],
    ['Error', 'kill -KILL $$$$', 137, 'Failed'],
    ['Error', 'kill -TERM $$$$', 143, 'Failed'],
  ] as const)('is told as %s after "%s"', (reason, script, exitCode, phase) => {
    logOf({ name: 'ended', script }, phase);
    const { terminated } = mainOf(getPod('ended')).state!;
    expect(terminated).toMatchObject({ reason, exitCode });
    expect(Date.parse(terminated!.finishedAt!)).toBeGreaterThanOrEqual(Date.parse(terminated!.startedAt!));
  });

  it('is told as StartError when there is no such command', () => {
    ok(
      ['create', '-f', '-'],
      podOf({ name: 'no-command', script: '', container: { command: ['rondo-no-such-command'] } }),
    );
    ok(['wait', '--for=jsonpath={.status.phase}=Failed', 'pod/no-command', '--timeout=20s']);
    const { terminated } = mainOf(getPod('no-command')).state!;
    expect(terminated).toMatchObject({ reason: 'StartError', exitCode: 128 });
    expect(terminated?.message).toContain('"rondo-no-such-command": executable file not found in $PATH');
  });

  it('carries the termination message, or the end of the log if the Pod asks for that', () => {
    logOf({ name: 'message', script: 'printf "last words" > "$RONDO_TERMINATION_LOG"' });
    expect(mainOf(getPod('message')).state?.terminated?.message).toBe('last words');
    const container = { terminationMessagePolicy: 'FallbackToLogsOnError' };
    logOf({ name: 'fallback', script: 'echo one; echo two; exit 1', container }, 'Failed');
    expect(mainOf(getPod('fallback')).state?.terminated?.message).toBe('one\ntwo\n');
  });

  it.runIf(mayMount)('finds the termination message at its own path when volumes are mounted', () => {
    logOf({
      name: 'message-path',
      script: 'printf "from the path" > /rondo-e2e/message',
      container: {
        terminationMessagePath: '/rondo-e2e/message',
        volumeMounts: [{ name: 'scratch', mountPath: '/rondo-e2e-scratch' }],
      },
      spec: { volumes: [{ name: 'scratch', emptyDir: {} }] },
    });
    expect(mainOf(getPod('message-path')).state?.terminated?.message).toBe('from the path');
  });

  it('is followed by a restart that is counted, with OnFailure', () => {
    logOf({
      name: 'restarted',
      script: 'if [ -e again ]; then echo second; exit 0; fi; touch again; echo first; exit 3',
      spec: { restartPolicy: 'OnFailure' },
    });
    expect(ok(['logs', 'restarted'])).toBe('second\n');
    expect(ok(['logs', 'restarted', '--previous'])).toBe('first\n');
    expect(mainOf(getPod('restarted'))).toMatchObject({
      restartCount: 1,
      state: { terminated: { exitCode: 0, reason: 'Completed' } },
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
    });
    expect(ok(['get', 'pod', 'restarted', '--no-headers'])).toMatch(/0\/1 +Completed +1/);
  }, 40_000);
});

describe('a deletion', () => {
  const keep = { finalizers: ['rondo.dev/e2e'] };
  /** Deletes a Pod once it is ready to be told, and gives how its container ended; a finalizer keeps it that long. */
  async function deleteAndLook(name: string, script: string, graceSeconds: number): Promise<ContainerStatus> {
    const ready = join(outside, name);
    const spec = { terminationGracePeriodSeconds: graceSeconds };
    ok(['create', '-f', '-'], podOf({ name, script: `${script}; : > ${ready}; while :; do sleep 0.05; done`, metadata: keep, spec })); // prettier-ignore
    await untilInDirectory(outside, `${name} to be ready`, () => existsSync(ready));
    ok(['delete', 'pod', name, '--wait=false']);
    const path = '{.status.containerStatuses[0].state.terminated.exitCode}';
    ok(['wait', `--for=jsonpath=${path}`, `pod/${name}`, '--timeout=20s']);
    const status = mainOf(getPod(name));
    ok(['patch', 'pod', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
    ok(['wait', '--for=delete', `pod/${name}`, '--timeout=20s']);
    return status;
  }

  it('gives a container the time to end by itself', async () => {
    const status = await deleteAndLook('graceful', `trap 'echo bye > ${outside}/bye; exit 5' TERM`, 300);
    expect(status.state?.terminated).toMatchObject({ exitCode: 5, reason: 'Error' });
    expect(readFileSync(join(outside, 'bye'), 'utf8')).toBe('bye\n');
  });

  it('kills a container that does not end in time', async () => {
    const status = await deleteAndLook('stubborn', `trap '' TERM`, 1);
    expect(status.state?.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
  });
});
