import { claimNameOf, type ConfigMap, type KeyToPath, type Pod, type Secret, type Volume } from '../api/index.ts';
import { RuntimeError, type VolumeContent } from '../runtimes/index.ts';
import { claimPath } from './claim-volumes.ts';
import { podField, resourceField, type ContainerSources } from './environment.ts';

type Files = Map<string, { readonly content: Uint8Array; readonly mode: number }>;

const defaultMode = 0o644;

/**
 * The content of every volume of a Pod that is made from objects, ready for a runtime to write down.
 * @throws RuntimeError CreateContainerConfigError for missing objects or keys that are not optional, and for volume
 *   sources that cannot be provided here
 */
export async function volumeContents(pod: Pod, sources: ContainerSources): Promise<readonly VolumeContent[]> {
  const contents: VolumeContent[] = [];
  for (const volume of pod.spec.volumes ?? []) contents.push(await volumeContent(pod, volume, sources));
  return contents;
}

/** Whether a running container sees it when what the volume is made from changes. */
export function isRefreshable({ configMap, secret, downwardAPI, projected }: Volume): boolean {
  return [configMap, secret, downwardAPI, projected].some((source) => source != null);
}

async function volumeContent(pod: Pod, volume: Volume, sources: ContainerSources): Promise<VolumeContent> {
  const { name } = volume;
  if (volume.configMap) {
    const source = { ...volume.configMap, mode: volume.configMap.defaultMode ?? defaultMode };
    return { name, type: 'configMap', files: await configMapFiles(source, sources) };
  }
  if (volume.secret) {
    const { secretName, items, optional } = volume.secret;
    const source = { name: secretName, items, optional, mode: volume.secret.defaultMode ?? defaultMode };
    return { name, type: 'secret', files: await secretFiles(source, sources) };
  }
  if (volume.downwardAPI) {
    const mode = volume.downwardAPI.defaultMode ?? defaultMode;
    return { name, type: 'downwardAPI', files: downwardFiles(pod, volume.downwardAPI.items ?? [], { sources, mode }) };
  }
  if (volume.projected) return { name, type: 'projected', files: await projectedFiles(pod, volume, sources) };
  if (volume.hostPath) {
    const { path, type } = volume.hostPath;
    return { name, type: 'hostPath', hostPath: { path, type: type ?? '' }, files: new Map() };
  }
  const claim = claimNameOf(pod, volume);
  if (claim !== undefined)
    return { name, type: 'hostPath', hostPath: await claimPath(pod, claim, sources), files: new Map() };
  if (volume.emptyDir) return { name, type: 'emptyDir', files: new Map() };
  const source = Object.keys(volume).find((key) => key !== 'name') ?? 'nothing';
  throw new RuntimeError('CreateContainerConfigError', `volume "${name}": source ${source} is not supported here`);
}

interface KeyedSource {
  readonly name?: string | undefined;
  readonly items?: readonly KeyToPath[] | undefined;
  readonly optional?: boolean | undefined;
  readonly mode: number;
}

async function configMapFiles(source: KeyedSource, sources: ContainerSources): Promise<Files> {
  const object = await sources.configMap(source.name ?? '');
  return keyedFiles(object && configMapData(object), { ...source, kind: 'configmap' });
}

async function secretFiles(source: KeyedSource, sources: ContainerSources): Promise<Files> {
  const object = await sources.secret(source.name ?? '');
  return keyedFiles(object && secretData(object), { ...source, kind: 'secret' });
}

function configMapData(object: ConfigMap): Map<string, Uint8Array> {
  return new Map([
    ...Object.entries(object.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'utf8')] as const),
    ...Object.entries(object.binaryData ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')] as const),
  ]);
}

function secretData(object: Secret): Map<string, Uint8Array> {
  return new Map(Object.entries(object.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]));
}

function keyedFiles(
  data: ReadonlyMap<string, Uint8Array> | undefined,
  source: KeyedSource & { readonly kind: string },
): Files {
  const files: Files = new Map();
  const object = `${source.kind} "${source.name ?? ''}"`;
  if (data === undefined) {
    if (source.optional === true) return files;
    throw new RuntimeError('CreateContainerConfigError', `${object} not found`);
  }
  const items = source.items ?? [...data.keys()].map((key): KeyToPath => ({ key, path: key }));
  for (const { key, path, mode } of items) {
    const content = data.get(key);
    if (content !== undefined) files.set(path, { content, mode: mode ?? source.mode });
    else if (source.optional !== true)
      throw new RuntimeError('CreateContainerConfigError', `couldn't find key ${key} in ${object}`);
  }
  return files;
}

type DownwardItems = NonNullable<NonNullable<Volume['downwardAPI']>['items']>;

function downwardFiles(
  pod: Pod,
  items: DownwardItems,
  options: { readonly sources: ContainerSources; readonly mode: number },
): Files {
  const files: Files = new Map();
  for (const item of items) {
    const text = item.fieldRef
      ? podField(pod, item.fieldRef.fieldPath, options.sources)
      : resourceField(item.resourceFieldRef!, {
          pod,
          container: pod.spec.containers[0]!,
          sources: options.sources,
        });
    files.set(item.path, { content: Buffer.from(text, 'utf8'), mode: item.mode ?? options.mode });
  }
  return files;
}

async function projectedFiles(pod: Pod, volume: Volume, sources: ContainerSources): Promise<Files> {
  const files: Files = new Map();
  const mode = volume.projected?.defaultMode ?? defaultMode;
  for (const source of volume.projected?.sources ?? []) {
    if (source.configMap) addAll(files, await configMapFiles({ ...source.configMap, mode }, sources));
    else if (source.secret) addAll(files, await secretFiles({ ...source.secret, mode }, sources));
    else if (source.downwardAPI) addAll(files, downwardFiles(pod, source.downwardAPI.items ?? [], { sources, mode }));
    else if (source.serviceAccountToken) {
      const { serviceAccountToken: token } = source;
      files.set(token.path, { content: Buffer.from(await sources.token(token), 'utf8'), mode });
    } else {
      const kind = Object.keys(source)[0] ?? 'nothing';
      throw new RuntimeError(
        'CreateContainerConfigError',
        `volume "${volume.name}": projected source ${kind} is not supported here`,
      );
    }
  }
  return files;
}

function addAll(files: Files, more: Files): void {
  for (const [path, file] of more) files.set(path, file);
}
