import { describe, expect, it } from 'vitest';
import type { ConfigMap, Container, Pod, Secret } from '../api/index.ts';
import { aContainer, aPod } from '../testing/index.ts';
import { expand, resolveEnvironment, type ContainerSources } from './environment.ts';
import { volumeContents } from './volumes.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const sources: ContainerSources = {
  configMap: async (name) =>
    name === 'settings' ? ({ data: { color: 'red', size: '9' } } as unknown as ConfigMap) : undefined,
  secret: async (name) => (name === 'password' ? ({ data: { p: base64('geheim') } } as unknown as Secret) : undefined),
  claim: () => Promise.resolve(undefined),
  volume: () => Promise.resolve(undefined),
  token: () => Promise.resolve('of-the-pod'),
  server: undefined,
  allocatable: { cpuMillis: 2000, memoryBytes: 1 << 30 },
  hostAddress: '10.0.0.1',
  podAddress: '10.0.0.2',
};

function podWith(container: Partial<Container>, more: Partial<Pod['spec']> = {}): Pod {
  return aPod('web-0', {
    metadata: { uid: 'u-1', labels: { app: 'web', index: '7' }, annotations: { note: 'a "b"' } },
    spec: { containers: [aContainer(container)], nodeName: 'n1', serviceAccountName: 'default', ...more },
  }) as Pod;
}

async function environment(container: Partial<Container>): Promise<Record<string, string>> {
  const pod = podWith(container);
  const entries = await resolveEnvironment(pod, pod.spec.containers[0]!, sources);
  return Object.fromEntries(entries.map(({ name, value }) => [name, value]));
}

const field = (fieldPath: string): Partial<Container> => ({
  env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath } } }],
});
const resource = (name: string, divisor?: string): Partial<Container> => ({
  resources: { limits: { cpu: '1500m', memory: '128Mi' }, requests: { cpu: '250m' } },
  env: [{ name: 'X', valueFrom: { resourceFieldRef: { resource: name, divisor } } }],
});

describe('resolveEnvironment', () => {
  it.each([
    [
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '$(A)-$(NOPE)-$$(A)' },
        ],
      },
      { A: '1', B: '1-$(NOPE)-$(A)' },
    ],
    [
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
        ],
      },
      { A: '2' },
    ],
    [{ envFrom: [{ configMapRef: { name: 'settings' } }] }, { color: 'red', size: '9' }],
    [
      { envFrom: [{ prefix: 'S_', configMapRef: { name: 'settings' } }], env: [{ name: 'S_size', value: '1' }] },
      { S_color: 'red', S_size: '1' },
    ],
    [{ envFrom: [{ secretRef: { name: 'password' } }] }, { p: 'geheim' }],
    [{ envFrom: [{ secretRef: { name: 'gone', optional: true } }] }, {}],
    [{ env: [{ name: 'P', valueFrom: { secretKeyRef: { name: 'password', key: 'p' } } }] }, { P: 'geheim' }],
    [{ env: [{ name: 'C', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } }] }, { C: 'red' }],
    [{ env: [{ name: 'C', valueFrom: { configMapKeyRef: { name: 'settings', key: 'no', optional: true } } }] }, {}],
    [field('metadata.name'), { X: 'web-0' }],
    [field('metadata.namespace'), { X: 'default' }],
    [field('metadata.uid'), { X: 'u-1' }],
    [field("metadata.labels['index']"), { X: '7' }],
    [field("metadata.annotations['note']"), { X: 'a "b"' }],
    [field('spec.nodeName'), { X: 'n1' }],
    [field('spec.serviceAccountName'), { X: 'default' }],
    [field('status.hostIP'), { X: '10.0.0.1' }],
    [field('status.podIP'), { X: '10.0.0.2' }],
    [resource('limits.cpu'), { X: '2' }],
    [resource('limits.cpu', '1m'), { X: '1500' }],
    [resource('limits.memory', '1Mi'), { X: '128' }],
    [resource('requests.cpu', '1m'), { X: '250' }],
    [resource('requests.memory'), { X: '0' }],
  ] as readonly (readonly [Partial<Container>, Record<string, string>])[])(
    '%j gives %j',
    async (container, expected) => {
      expect(await environment(container)).toEqual(expected);
    },
  );

  it.each([
    [{ envFrom: [{ configMapRef: { name: 'gone' } }] }, 'configmap "gone" not found'],
    [{ envFrom: [{ secretRef: { name: 'gone' } }] }, 'secret "gone" not found'],
    [
      { env: [{ name: 'C', valueFrom: { configMapKeyRef: { name: 'settings', key: 'no' } } }] },
      'couldn\'t find key no in configmap "settings"',
    ],
    [field('spec.unknown'), 'fieldPath spec.unknown is not supported'],
  ] as readonly (readonly [Partial<Container>, string])[])('%j is refused', async (container, message) => {
    await expect(environment(container)).rejects.toMatchObject({ reason: 'CreateContainerConfigError', message });
  });

  it('marks what comes from Secrets, also when it is put into another value', async () => {
    const pod = podWith({
      envFrom: [{ secretRef: { name: 'password' } }],
      env: [
        { name: 'URL', value: 'db://$(p)@x' },
        { name: 'Q', value: 'q' },
      ],
    });
    const entries = await resolveEnvironment(pod, pod.spec.containers[0]!, sources);
    expect(entries.map(({ name, secret }) => [name, secret])).toEqual([
      ['p', true],
      ['URL', true],
      ['Q', false],
    ]);
  });

  it('expands as the kubelet does', () => {
    const value = (name: string): string | undefined => ({ A: 'x' })[name];
    expect(['$(A)', '$$(A)', '$$$(A)', '$(B)', '$A', '$(A'].map((text) => expand(text, value))).toEqual([
      'x',
      '$(A)',
      '$x',
      '$(B)',
      '$A',
      '$(A',
    ]);
  });
});

describe('volumeContents', () => {
  const text = (file: { content: Uint8Array } | undefined): string => Buffer.from(file!.content).toString();

  it('makes files of ConfigMaps, Secrets, fields and all of them together', async () => {
    const pod = podWith(
      {},
      {
        volumes: [
          { name: 'all', configMap: { name: 'settings' } },
          {
            name: 'one',
            secret: {
              secretName: 'password',
              defaultMode: 0o400,
              items: [{ key: 'p', path: 'sub/pass', mode: 0o440 }],
            },
          },
          { name: 'me', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
          {
            name: 'mix',
            projected: { sources: [{ configMap: { name: 'settings' } }, { secret: { name: 'password' } }] },
          },
          { name: 'tmp', emptyDir: {} },
        ],
      },
    );
    const [all, one, me, mix, tmp] = await volumeContents(pod, sources);
    expect([...all!.files.keys()]).toEqual(['color', 'size']);
    expect(all!.files.get('color')!.mode).toBe(0o644);
    expect([text(one!.files.get('sub/pass')), one!.files.get('sub/pass')!.mode]).toEqual(['geheim', 0o440]);
    expect(text(me!.files.get('labels'))).toBe('app="web"\nindex="7"');
    expect([...mix!.files.keys()]).toEqual(['color', 'size', 'p']);
    expect([tmp!.type, tmp!.files.size]).toEqual(['emptyDir', 0]);
  });

  it('refuses what is missing or not supported', async () => {
    const gone = podWith({}, { volumes: [{ name: 'v', secret: { secretName: 'gone' } }] });
    await expect(volumeContents(gone, sources)).rejects.toMatchObject({ message: 'secret "gone" not found' });
    const nfs = podWith({}, { volumes: [{ name: 'v', nfs: { server: 'x', path: '/' } }] });
    await expect(volumeContents(nfs, sources)).rejects.toMatchObject({
      message: 'volume "v": source nfs is not supported here',
    });
  });
});
