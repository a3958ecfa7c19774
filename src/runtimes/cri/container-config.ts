import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import type { Pod } from '../../api/index.ts';
import { RuntimeError, type ContainerRequest } from '../runtime.ts';
import { volumeSource } from '../wrapped/index.ts';
import { attemptFiles, podFiles, type Files } from './files.ts';
import { containerLabels } from './labels.ts';
import { stopSignals, type containerConfig, type mount } from './protocol/containers.ts';
import type { Sent } from './protocol/message.ts';
import { resourcesOf } from './resources.ts';
import { hostnameOf } from './sandbox-config.ts';
import { containerSecurityOf, type ImageUser } from './security.ts';

type Mount = Sent<typeof mount>;

export interface ContainerParts {
  readonly files: Files;
  readonly owner: string;
  /** As the runtime knows the image. */
  readonly image: { readonly id: string; readonly user: ImageUser };
  readonly machine: { readonly memoryBytes: number };
  /** The Pod's own, if it has a network of its own. */
  readonly address: string | undefined;
  /** The container whose processes an ephemeral one sees. */
  readonly targetId: string | undefined;
}

/**
 * Everything that a runtime needs to know about one container.
 * @throws RuntimeError CreateContainerConfigError for a container that must not be started as it is
 */
export function containerConfigOf(request: ContainerRequest, parts: ContainerParts): Sent<typeof containerConfig> {
  const { id, pod, container, env } = request;
  return {
    metadata: { name: container.name, attempt: id.attempt },
    image: { image: parts.image.id, userSpecifiedImage: container.image ?? '' },
    command: request.command,
    args: request.args,
    workingDir: container.workingDir ?? '',
    envs: env.map(({ name, value }) => ({ key: name, value: Buffer.from(value) })),
    mounts: mountsOf(request, parts),
    labels: containerLabels(pod, container.name, parts.owner),
    annotations: { 'io.kubernetes.container.restartCount': String(id.attempt) },
    logPath: `${container.name}_${id.attempt}.log`,
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    linux: {
      resources: resourcesOf(pod, container, parts.machine),
      securityContext: containerSecurityOf(pod, container, { image: parts.image.user, targetId: parts.targetId }),
    },
    ...stopSignalOf(container.lifecycle?.stopSignal),
  };
}

/** Runtimes older than the field go by the image. */
function stopSignalOf(name: string | undefined): { readonly stopSignal?: string } {
  if (name === undefined) return {};
  if (!stopSignals.includes(name))
    throw new RuntimeError('CreateContainerConfigError', `lifecycle.stopSignal: ${name} is not known here`);
  return { stopSignal: name };
}

const propagations = { HostToContainer: 'HOST_TO_CONTAINER', Bidirectional: 'BIDIRECTIONAL' } as const;

function mountsOf(request: ContainerRequest, { files, address }: ContainerParts): Mount[] {
  const { id, pod, container } = request;
  const { volumes, hosts } = podFiles(files, id.podUid);
  const mounts = (container.volumeMounts ?? []).map((asked): Mount => {
    const { path, source, readOnly } = volumeSource(asked, volumes, pod);
    const propagation = propagations[asked.mountPropagation as keyof typeof propagations] ?? 'PRIVATE';
    return { containerPath: path, hostPath: source, readonly: readOnly, propagation };
  });
  const isFree = (path: string): boolean => !mounts.some(({ containerPath }) => containerPath === path);
  const messagePath = nonEmpty(container.terminationMessagePath) ?? '/dev/termination-log';
  if (messagePath.startsWith('/') && isFree(messagePath)) {
    const { message } = attemptFiles(files, id);
    // Whoever the container runs as writes to it.
    writeFileSync(message, '', { flag: 'a' });
    chmodSync(message, 0o666);
    mounts.push({ containerPath: messagePath, hostPath: message });
  }
  if (isFree('/etc/hosts')) {
    writeFileSync(hosts, hostsFile(pod, address), { mode: 0o644 });
    mounts.push({ containerPath: '/etc/hosts', hostPath: hosts });
  }
  return mounts;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/** As a kubelet makes it: of its own for a Pod with a network of its own, else the host's; with `hostAliases`. */
export function hostsFile(pod: Pod, address: string | undefined): string {
  const { hostNetwork, subdomain, hostAliases = [] } = pod.spec;
  const name = hostnameOf(pod);
  const domain = nonEmpty(subdomain);
  const names = domain === undefined ? name : `${name}.${domain}.${pod.metadata.namespace}.svc.cluster.local\t${name}`;
  const own = [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    ...(address === undefined ? [] : [`${address}\t${names}`]),
  ];
  const lines = hostNetwork === true ? [readFileSync('/etc/hosts', 'utf8').trimEnd()] : own;
  for (const { ip, hostnames = [] } of hostAliases) lines.push([ip, ...hostnames].join('\t'));
  return `${lines.join('\n')}\n`;
}
