// The runtimes that run real processes, as the crash test's engine needs them.
import type { Container, Pod } from '../../src/api/index.ts';
import { systemClock as clock, systemRandom as random } from '../../src/clock/index.ts';
import { silentLogger as log } from '../../src/log/index.ts';
import type { ContainerRequest, Runtime } from '../../src/runtimes/index.ts';
import { busyboxImage } from '../../src/runtimes/cri/containerd.fixture.ts';
import { createProcessRuntime } from '../../src/runtimes/process/index.ts';
import { createSandboxRuntime } from '../../src/runtimes/sandbox/index.ts';

/** The process runtime without its compiled starter, as on a machine without a C compiler. */
export const shellStarted = 'process started by a shell';

/** A runtime that runs real processes, by name: `process`, `process started by a shell`, `shim`, `util-linux`, `cri SOCKET`. */
export async function createRealRuntime(name: string, dataDir: string): Promise<Runtime> {
  if (name.startsWith('cri ')) {
    // Loaded where it is needed: an engine that is killed again and again starts quickly.
    const { createCriRuntime } = await import('../../src/runtimes/cri/index.ts');
    return createCriRuntime({ dataDir, socket: name.slice(4), clock, random, log });
  }
  if (name === 'process') return createProcessRuntime({ dataDir, clock, random, log });
  if (name === shellStarted) return createProcessRuntime({ dataDir, clock, random, log, limits: { starter: 'shell' } });
  const only = name === 'shim' ? 'shim' : 'util-linux';
  return createSandboxRuntime({ dataDir, clock, random, log, rootfs: 'host', only });
}

export function podOf(name: string, container: Container, annotations: Record<string, string> = {}): Pod {
  const metadata = { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '' };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, annotations },
    spec: { containers: [container] },
    status: {},
  };
}

export function requestOf(pod: Pod, command: readonly string[]): ContainerRequest {
  const container = pod.spec.containers[0]!;
  const id = { podUid: pod.metadata.uid, container: container.name, attempt: 0 };
  return { id, pod, container, env: [{ name: 'MARK', value: 'its own', secret: false }], command, args: [] };
}

/** The same Pod on an image that containerd has, and on the host's network. */
export function criPod(pod: Pod): Pod {
  const containers = pod.spec.containers.map((container) => ({ ...container, image: busyboxImage }));
  return { ...pod, spec: { ...pod.spec, hostNetwork: true, containers } };
}
