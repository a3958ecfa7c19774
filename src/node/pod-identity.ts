import { automaticTokenVolume, type Container, type Pod, type PodSpec } from '../api/index.ts';
import type { Runtime, VolumeContent } from '../runtimes/index.ts';

/** Where containers of a Pod reach the API server. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** Where containers of the Pod with this address reach the API server; undefined: nowhere. */
export type ServerFor = (podAddress: string | undefined) => ServerAddress | undefined;

/**
 * A Pod as its runtime runs it: without the volume that the admission plugin ServiceAccount added, or only without its
 * mounts, where the runtime cannot have them. What somebody wrote into the Pod stays in any case.
 */
export function asRun(pod: Pod, runner: PodRunner): Pod {
  const { spec } = pod;
  // Asked at every step of a Pod, whose spec stays what it is.
  if (runner.run?.of !== spec) runner.run = { of: spec, spec: specAsRun(pod, runner.runtime) };
  return runner.run.spec === spec ? pod : { ...pod, spec: runner.run.spec };
}

/** Who runs a Pod, and the spec that it has there. */
export interface PodRunner {
  readonly runtime: Pick<Runtime, 'identityOf'>;
  run?: { readonly of: PodSpec; readonly spec: PodSpec } | undefined;
}

function specAsRun(pod: Pod, runtime: PodRunner['runtime']): PodSpec {
  const volume = automaticTokenVolume(pod.spec);
  const identity = volume === undefined ? 'mounted' : (runtime.identityOf?.(pod) ?? 'mounted');
  if (identity === 'mounted') return pod.spec;
  const without = (container: Container): Container => ({
    ...container,
    volumeMounts: container.volumeMounts?.filter(({ name }) => name !== volume),
  });
  const { volumes, containers, initContainers } = pod.spec;
  return {
    ...pod.spec,
    volumes: identity === 'files' ? volumes : volumes?.filter(({ name }) => name !== volume),
    containers: containers.map(without),
    ...(initContainers && { initContainers: initContainers.map(without) }),
  };
}

/** Adds what tools need that cannot look at the usual path: a kubeconfig beside token and CA. */
export function withKubeconfig(
  pod: Pod,
  contents: readonly VolumeContent[],
  { runtime, server }: { readonly runtime: Pick<Runtime, 'identityOf'>; readonly server: ServerAddress | undefined },
): readonly VolumeContent[] {
  if (server === undefined || runtime.identityOf?.(pod) !== 'files') return contents;
  const volume = automaticTokenVolume(pod.spec);
  const file = { content: Buffer.from(kubeconfig(pod, server)), mode: 0o644 };
  return contents.map((content) =>
    content.name === volume ? { ...content, files: new Map([...content.files, ['kubeconfig', file]]) } : content,
  );
}

/** Its files are named as they lie beside it, so that a new token is found. JSON is YAML. */
function kubeconfig(pod: Pod, server: ServerAddress): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'rondo', cluster: { server: urlOf(server), 'certificate-authority': 'ca.crt' } }],
    users: [{ name: 'pod', user: { tokenFile: 'token' } }],
    contexts: [{ name: 'rondo', context: { cluster: 'rondo', user: 'pod', namespace: pod.metadata.namespace } }],
    'current-context': 'rondo',
  });
}

/** The variables by which client libraries find the API server (upstream: kubelet `envvars.FromServices`). */
export function serverVariables(server: ServerAddress | undefined): Readonly<Record<string, string>> {
  if (server === undefined) return {};
  const { host, port } = server;
  const tcp = `tcp://${bracketed(host)}:${port}`;
  return {
    KUBERNETES_SERVICE_HOST: host,
    KUBERNETES_SERVICE_PORT: String(port),
    KUBERNETES_SERVICE_PORT_HTTPS: String(port),
    KUBERNETES_PORT: tcp,
    [`KUBERNETES_PORT_${port}_TCP`]: tcp,
    [`KUBERNETES_PORT_${port}_TCP_PROTO`]: 'tcp',
    [`KUBERNETES_PORT_${port}_TCP_PORT`]: String(port),
    [`KUBERNETES_PORT_${port}_TCP_ADDR`]: host,
  };
}

function urlOf({ host, port }: ServerAddress): string {
  return `https://${bracketed(host)}:${port}`;
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
