import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../api/index.ts';
import type { ContainerId } from '../runtime.ts';
import { Box, executorsHere, sh } from './test-box.fixture.ts';

const executors = await executorsHere();
const identity = 'hostname; for type in uts ipc pid; do readlink /proc/self/ns/$type; done';

describe.each(executors)('an ephemeral container with %s', (only) => {
  let box: Box;
  beforeEach(async () => {
    box = new Box();
    await box.open({ only });
  });
  afterEach(() => box.close());

  const main: Container = { name: 'main', image: 'rondo.dev/host', command: sh(`${identity}; echo ready; sleep 300`) };

  async function startGuest(
    pod: Pod,
    script: string,
    target?: ContainerId,
  ): Promise<{ readonly id: ContainerId; readonly lines: () => Promise<string[]> }> {
    const guest: Container = { name: 'debug', image: 'rondo.dev/host', command: sh(script) };
    const later = { ...pod, spec: { ...pod.spec, ephemeralContainers: [guest] } };
    const id = await box.startIn(later, guest, target === undefined ? {} : { target });
    return { id, lines: async () => (await box.log(id)).trimEnd().split('\n') };
  }

  async function startMain(spec: Partial<Pod['spec']> = {}): Promise<{ pod: Pod; id: ContainerId; seen: string[] }> {
    const pod = box.pod({ command: [], spec: { containers: [main], ...spec } });
    await box.runtime.preparePod(pod, []);
    const id = await box.startIn(pod, main);
    const seen = (await box.written(id, 'ready')).split('\n').slice(0, 4);
    return { pod, id, seen };
  }

  it('shares host name and System V IPC with its Pod, but no processes', async () => {
    const { pod, seen } = await startMain();
    const guest = await startGuest(pod, identity);
    expect(await box.exitOf(guest.id)).toMatchObject({ exitCode: 0 });
    const lines = await guest.lines();
    expect(lines.slice(0, 3)).toEqual(seen.slice(0, 3));
    expect(lines[0]).toBe(pod.metadata.name);
    expect(lines[3]).not.toBe(seen[3]);
  });

  it('has the processes of its target, and reaches its files through them', async () => {
    const { pod, id, seen } = await startMain();
    await box.say(id, sh('echo secret >/target-only'));
    const guest = await startGuest(
      pod,
      `${identity}; tr '\\0' ' ' </proc/1/cmdline; echo; cat /proc/1/root/target-only; ls /target-only`,
      id,
    );
    await box.exitOf(guest.id);
    const lines = await guest.lines();
    expect(lines.slice(0, 4)).toEqual(seen);
    expect(lines[4]).toContain('echo ready; sleep 300');
    expect(lines[5]).toBe('secret');
    expect(lines[6]).toContain('No such file');
  });

  it('ends with its target, and leaves nothing when it ends before', async () => {
    const { pod, id } = await startMain();
    const first = await startGuest(pod, 'setsid sleep 301 & echo up; wait', id);
    await box.written(first.id, 'up');
    await box.runtime.stopContainer(first.id, 0);
    await box.exitOf(first.id);
    expect(await box.say(id, sh('ps -e -o args='))).not.toContain('sleep 301');
    await box.runtime.stopContainer(id, 0);
    await box.exitOf(id);
  });

  it('ends when its target ends', async () => {
    const { pod, id } = await startMain();
    const guest = await startGuest(pod, 'echo up; sleep 301', id);
    await box.written(guest.id, 'up');
    await box.runtime.stopContainer(id, 0);
    expect(await box.exitOf(guest.id)).toMatchObject({ exitCode: 137 });
  });

  it('cannot start beside a target that has ended', async () => {
    const { pod, id } = await startMain();
    await box.runtime.stopContainer(id, 0);
    await box.exitOf(id);
    await expect(startGuest(pod, 'true', id)).rejects.toMatchObject({
      reason: 'CreateContainerError',
      message: 'failed to target container: container "main" is not running',
    });
  });

  it('joins what a Pod of several containers shares', async () => {
    const other: Container = { ...main, name: 'other' };
    const { pod, id, seen } = await startMain({ containers: [main, other] });
    const guest = await startGuest(pod, identity, id);
    await box.exitOf(guest.id);
    expect(await guest.lines()).toEqual(seen);
  });
});
