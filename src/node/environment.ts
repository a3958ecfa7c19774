import {
  parseQuantity,
  quantityMillis,
  quantityValue,
  type ConfigMap,
  type Container,
  type EnvVar,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type ResourceFieldSelector,
  type Secret,
  type ServiceAccountTokenProjection,
} from '../api/index.ts';
import { RuntimeError, type EnvEntry } from '../runtimes/index.ts';
import { serverVariables, type ServerAddress } from './pod-identity.ts';

/** What a container's environment and volumes are made from. Look-ups answer undefined for objects that do not exist. */
export interface ContainerSources {
  configMap(name: string): Promise<ConfigMap | undefined>;
  secret(name: string): Promise<Secret | undefined>;
  claim(name: string): Promise<PersistentVolumeClaim | undefined>;
  volume(name: string): Promise<PersistentVolume | undefined>;
  /** @throws RuntimeError if there is none */
  token(projection: ServiceAccountTokenProjection): Promise<string>;
  /** Where the API server is; undefined: nowhere that a container could reach. */
  readonly server: ServerAddress | undefined;
  /** What `resourceFieldRef` answers where a container sets no limit. */
  readonly allocatable: { readonly cpuMillis: number; readonly memoryBytes: number };
  /** `status.hostIP` and `status.podIP`, also before the Pod's status says them. */
  readonly hostAddress: string;
  readonly podAddress: string | undefined;
}

const configError = (message: string): RuntimeError => new RuntimeError('CreateContainerConfigError', message);

/**
 * The whole environment of a container: where the API server is, then envFrom, then env in order, `$(NAME)` expanded with what stands before.
 * Later entries win.
 * @throws RuntimeError CreateContainerConfigError for missing objects or keys that are not optional
 */
export async function resolveEnvironment(
  pod: Pod,
  container: Container,
  sources: ContainerSources,
): Promise<readonly EnvEntry[]> {
  const entries = new Map<string, EnvEntry>();
  const put = (entry: EnvEntry): void => {
    entries.delete(entry.name);
    entries.set(entry.name, entry);
  };
  for (const [name, value] of Object.entries(serverVariables(sources.server))) put({ name, value, secret: false });
  for (const from of container.envFrom ?? []) {
    const prefix = from.prefix ?? '';
    for (const entry of await entriesOf(from, sources)) put({ ...entry, name: prefix + entry.name });
  }
  for (const variable of container.env ?? []) {
    const entry = await resolveVariable(variable, { pod, container, sources, before: entries });
    if (entry !== undefined) put(entry);
  }
  return [...entries.values()];
}

type EnvFrom = NonNullable<Container['envFrom']>[number];

async function entriesOf(from: EnvFrom, sources: ContainerSources): Promise<EnvEntry[]> {
  if (from.configMapRef) {
    const { name = '', optional } = from.configMapRef;
    const configMap = await sources.configMap(name);
    if (configMap === undefined && optional !== true) throw configError(`configmap "${name}" not found`);
    return Object.entries(configMap?.data ?? {}).map(([key, value]) => ({ name: key, value, secret: false }));
  }
  if (from.secretRef) {
    const { name = '', optional } = from.secretRef;
    const secret = await sources.secret(name);
    if (secret === undefined && optional !== true) throw configError(`secret "${name}" not found`);
    return Object.entries(secret?.data ?? {}).map(([key, value]) => ({
      name: key,
      value: Buffer.from(value, 'base64').toString('utf8'),
      secret: true,
    }));
  }
  return [];
}

interface VariableContext {
  readonly pod: Pod;
  readonly container: Container;
  readonly sources: ContainerSources;
  readonly before: ReadonlyMap<string, EnvEntry>;
}

async function resolveVariable(variable: EnvVar, context: VariableContext): Promise<EnvEntry | undefined> {
  const { name, valueFrom } = variable;
  if (valueFrom === undefined) return expandEntry(name, variable.value ?? '', context.before);
  if (valueFrom.fieldRef) {
    const value = podField(context.pod, valueFrom.fieldRef.fieldPath, context.sources);
    return { name, value, secret: false };
  }
  if (valueFrom.resourceFieldRef)
    return { name, value: resourceField(valueFrom.resourceFieldRef, context), secret: false };
  if (valueFrom.configMapKeyRef) {
    const { name: object = '', key, optional } = valueFrom.configMapKeyRef;
    const configMap = await context.sources.configMap(object);
    const value = configMap?.data?.[key];
    if (value !== undefined) return { name, value, secret: false };
    return missingKey(`configmap "${object}"`, { key, exists: configMap !== undefined, optional });
  }
  if (valueFrom.secretKeyRef) {
    const { name: object = '', key, optional } = valueFrom.secretKeyRef;
    const secret = await context.sources.secret(object);
    const value = secret?.data?.[key];
    if (value !== undefined) return { name, value: Buffer.from(value, 'base64').toString('utf8'), secret: true };
    return missingKey(`secret "${object}"`, { key, exists: secret !== undefined, optional });
  }
  throw configError(`environment variable ${name}: this source is not supported here`);
}

function missingKey(
  object: string,
  missing: { readonly key: string; readonly exists: boolean; readonly optional: boolean | undefined },
): undefined {
  if (missing.optional === true) return undefined;
  throw configError(missing.exists ? `couldn't find key ${missing.key} in ${object}` : `${object} not found`);
}

function expandEntry(name: string, text: string, before: ReadonlyMap<string, EnvEntry>): EnvEntry {
  let secret = false;
  const value = expand(text, (key) => {
    const entry = before.get(key);
    secret ||= entry?.secret === true;
    return entry?.value;
  });
  return { name, value, secret };
}

/** Replaces `$(NAME)`; `$$(NAME)` stands for `$(NAME)`; unknown names stay as they are (upstream's expansion rules). */
export function expand(text: string, valueOf: (name: string) => string | undefined): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (match, name: string | undefined) =>
    name === undefined ? '$' : (valueOf(name) ?? match),
  );
}

/**
 * A field of the Pod as the downward API gives it.
 * @throws RuntimeError for paths that are not supported
 */
export function podField(
  pod: Pod,
  fieldPath: string,
  sources: Pick<ContainerSources, 'hostAddress' | 'podAddress'>,
): string {
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(fieldPath);
  if (subscript) return pod.metadata[subscript[1] as 'labels' | 'annotations']?.[subscript[2]!] ?? '';
  switch (fieldPath) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata.uid;
    case 'metadata.labels':
      return formatMap(pod.metadata.labels);
    case 'metadata.annotations':
      return formatMap(pod.metadata.annotations);
    case 'spec.nodeName':
      return pod.spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? '';
    case 'status.hostIP':
    case 'status.hostIPs':
      return sources.hostAddress;
    case 'status.podIP':
    case 'status.podIPs':
      return sources.podAddress ?? '';
    default:
      throw configError(`fieldPath ${fieldPath} is not supported`);
  }
}

/** `key="value"` lines in key order, values quoted as upstream's downward API files. */
function formatMap(map: Readonly<Record<string, string>> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n');
}

/** A limit or request of a container, divided by the divisor and rounded up; without one, what the node can give. */
export function resourceField(
  selector: ResourceFieldSelector,
  context: Pick<VariableContext, 'pod' | 'container' | 'sources'>,
): string {
  const { containerName, resource, divisor } = selector;
  const all = [...context.pod.spec.containers, ...(context.pod.spec.initContainers ?? [])];
  const container = containerName ? all.find(({ name }) => name === containerName) : context.container;
  if (container === undefined) throw configError(`container ${containerName} not found`);
  const [kind, name] = resource.split('.') as [string, string | undefined];
  if ((kind !== 'limits' && kind !== 'requests') || name === undefined)
    throw configError(`resource ${resource} is not supported`);
  const set = container.resources?.[kind]?.[name];
  if (set !== undefined && parseQuantity(set) === undefined) throw configError(`${resource}: bad quantity ${set}`);
  const by = divisor === undefined || divisor === '' || divisor === '0' ? '1' : divisor;
  const { allocatable } = context.sources;
  if (name === 'cpu') {
    const millis = set !== undefined ? quantityMillis(set) : kind === 'limits' ? allocatable.cpuMillis : 0;
    return String(Math.ceil(millis / quantityMillis(by)));
  }
  const fallback = kind === 'limits' && name === 'memory' ? allocatable.memoryBytes : 0;
  return String(Math.ceil((set !== undefined ? quantityValue(set) : fallback) / quantityValue(by)));
}
