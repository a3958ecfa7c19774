import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../api/index.ts';
import { Box, emptyDir, executorsHere, sh } from './test-box.fixture.ts';

const volumes = [{ name: 'fast', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }];
const volumeMounts = [{ name: 'fast', mountPath: '/fast' }];

describe.each(await executorsHere())('files in memory (%s)', (only) => {
  let box: Box;
  beforeEach(async () => {
    box = new Box();
    await box.open({ only });
  });
  afterEach(() => box.close());

  const container = (name: string, script: string): Container => ({
    ...{ name, image: 'rondo.dev/host', command: sh(script), volumeMounts },
  });
  const prepare = async (spec: Partial<Pod['spec']>): Promise<Pod> => {
    const pod = box.pod({ command: [], spec: { volumes, ...spec } });
    await box.runtime.preparePod(pod, [emptyDir('fast')]);
    return pod;
  };
  const mounted = (): number => readFileSync('/proc/self/mountinfo', 'utf8').split(box.dataDir).length - 1;

  it('are an emptyDir of the medium, no larger than its limit', async () => {
    const script =
      'stat -f -c %T /fast; stat -c %a /fast; head -c 1000000 /dev/zero >/fast/a && echo fits; ' +
      'head -c 100000 /dev/zero >/fast/b || echo full';
    const pod = await prepare({ containers: [container('main', script)] });
    const id = await box.startIn(pod, pod.spec.containers[0]!);
    await box.exitOf(id);
    const lines = (await box.log(id)).split('\n').filter((line) => !line.startsWith('head:'));
    expect(lines).toEqual(['tmpfs', '777', 'fits', 'full', '']);
    expect(box.runtime.admit(pod)).toEqual({ type: 'accept', announce: [] });
  });

  it('are no larger than the memory that the containers may have', async () => {
    const limited = { ...container('main', 'stat -f -c "%b %S" /fast'), resources: { limits: { memory: '64Mi' } } };
    const pod = await prepare({
      volumes: [{ name: 'fast', emptyDir: { medium: 'Memory' } }],
      containers: [limited],
    });
    const id = await box.startIn(pod, limited);
    await box.exitOf(id);
    const [blocks = 0, size = 0] = (await box.log(id)).split(' ').map(Number);
    expect(blocks * size).toBe(64 << 20);
  });

  it('are shared by the containers of a Pod, as is what lies in /dev/shm', async () => {
    const read = 'until [ -e /fast/done ]; do sleep 0.01; done; cat /fast/text /dev/shm/text';
    const write = 'echo one >/fast/text; echo two >/dev/shm/text; touch /fast/done';
    const pod = await prepare({ containers: [container('reads', read), container('writes', write)] });
    const [reads] = await Promise.all(pod.spec.containers.map((each) => box.startIn(pod, each)));
    await box.exitOf(reads!);
    expect(await box.log(reads!)).toBe('one\ntwo\n');
    expect(mounted()).toBe(2);
    await box.runtime.endPod!(pod.metadata.uid);
    expect(mounted()).toBe(0);
  });

  it('stay while an engine goes and another comes, and are mounted once', async () => {
    const pod = await prepare({ containers: [container('main', 'echo kept >/fast/text; exec sleep 300')] });
    const id = await box.startIn(pod, pod.spec.containers[0]!);
    await box.runtime.stop();
    await box.open({ only });
    const before = mounted();
    await box.runtime.preparePod(pod, [emptyDir('fast')]);
    expect(mounted()).toBe(before);
    while ((await box.say(id, sh('cat /fast/text'))) !== 'kept\n')
      await new Promise((resolve) => setImmediate(resolve));
  });

  it('go with a Pod that was removed while no engine ran', async () => {
    const pod = await prepare({ containers: [container('main', 'true'), container('other', 'true')] });
    expect(mounted()).toBe(2);
    await box.runtime.stop();
    rmSync(join(box.dataDir, 'pods', pod.metadata.uid), { recursive: true });
    await box.open({ only });
    expect(mounted()).toBe(0);
  });
});
