import { dns1123LabelErrors } from '../../../api/index.ts';
import type { Volume, VolumeSource } from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset, listOf } from '../value-rules.ts';
import { checkDownwardFiles } from './downward-rules.ts';
import type { VolumesByName } from './mount-rules.ts';
import { checkFileMode, checkItems, checkNoBacksteps } from './path-rules.ts';
import { checkProjected } from './projected-rules.ts';
import { quantityOf } from './known-quantities.ts';

const noVolumes: VolumesByName = new Map();
const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

/** Checks the volumes and answers those that mounts may name. Upstream: core validation `ValidateVolumes`. */
export function checkVolumes(list: readonly Volume[] | undefined, path: Path, problems: Problems): VolumesByName {
  if (list === undefined || list.length === 0) return noVolumes;
  const volumes = new Map<string, Volume>();
  for (const [position, volume] of list.entries()) {
    const at = item(path, position);
    const before = problems.errors.length;
    checkSources(volume, at, problems);
    const name = volume.name ?? '';
    if (name === '') problems.required(child(at, 'name'));
    else problems.allInvalid(child(at, 'name'), name, dns1123LabelErrors(name));
    if (volumes.has(name)) problems.duplicate(child(at, 'name'), name);
    if (problems.errors.length === before) volumes.set(name, volume);
  }
  return volumes;
}

type SourceName = keyof VolumeSource;
type Check = (volume: Volume, path: Path, problems: Problems) => void;

/** In upstream's order: of several sources the first counts and the others are refused. */
const checks: readonly (readonly [SourceName, Check])[] = [
  ['emptyDir', checkEmptyDir],
  ['hostPath', checkHostPath],
  ['gitRepo', required('repository')],
  ['gcePersistentDisk', required('pdName')],
  ['awsElasticBlockStore', required('volumeID')],
  ['secret', checkSecret],
  ['nfs', checkNfs],
  ['iscsi', required('targetPortal', 'iqn')],
  ['glusterfs', required('endpoints', 'path')],
  ['flocker', required()],
  ['persistentVolumeClaim', required('claimName')],
  ['rbd', required('monitors', 'image')],
  ['cinder', required('volumeID')],
  ['cephfs', required('monitors')],
  ['quobyte', required('registry', 'volume')],
  ['downwardAPI', checkDownward],
  ['fc', required()],
  ['flexVolume', required('driver')],
  ['configMap', checkConfigMap],
  ['azureFile', required('secretName', 'shareName')],
  ['vsphereVolume', required('volumePath')],
  ['photonPersistentDisk', required('pdID')],
  ['portworxVolume', required('volumeID')],
  ['azureDisk', required('diskName', 'diskURI')],
  ['storageos', required()],
  ['projected', (volume, path, problems) => checkProjected(volume.projected ?? { sources: [] }, path, problems)],
  ['scaleIO', required('gateway', 'system', 'volumeName')],
  ['csi', required('driver')],
  ['ephemeral', required('volumeClaimTemplate')],
  ['image', required('reference')],
];
const checkOf: ReadonlyMap<string, Check> = new Map(checks);
const sourceNames: readonly SourceName[] = checks.map(([name]) => name);

function checkSources(volume: Volume, path: Path, problems: Problems): void {
  const present = presentSources(volume);
  const [first, ...others] = present;
  if (first === undefined) problems.required(path, 'must specify a volume type');
  else checkOf.get(first)?.(volume, child(path, first), problems);
  for (const name of others) problems.forbidden(child(path, name), 'may not specify more than 1 volume type');
}

/** The keys of the object are few; the possible sources are many. */
function presentSources(volume: Volume): readonly SourceName[] {
  const present: SourceName[] = [];
  for (const key in volume) {
    const name = key as SourceName;
    if (checkOf.has(name) && volume[name] !== undefined && volume[name] !== null) present.push(name);
  }
  return present.length < 2 ? present : sourceNames.filter((name) => present.includes(name));
}

/** The check for sources that only must name something. */
function required(...fields: readonly string[]): Check {
  return (volume, path, problems) => {
    const source: object = volume[path.segment as SourceName] ?? {};
    for (const field of fields) {
      const value: unknown = Reflect.get(source, field);
      const isMissing = value === undefined || value === null || value === '';
      if (isMissing || (Array.isArray(value) && value.length === 0)) problems.required(child(path, field));
    }
  };
}

function checkEmptyDir({ emptyDir }: Volume, path: Path, problems: Problems): void {
  const limit = emptyDir?.sizeLimit;
  if (isUnset(limit)) return;
  const amount = quantityOf(limit);
  if (amount !== undefined && amount >= 0n) return;
  problems.forbidden(child(path, 'sizeLimit'), 'SizeLimit field must be a valid resource quantity');
}

function checkHostPath({ hostPath }: Volume, path: Path, problems: Problems): void {
  const text = hostPath?.path;
  if (isUnset(text)) {
    problems.required(child(path, 'path'));
    return;
  }
  checkNoBacksteps(text, child(path, 'path'), problems);
  const type = hostPath?.type ?? '';
  if (!hostPathTypes.includes(type)) problems.notSupported(child(path, 'type'), type, hostPathTypes);
}

function checkNfs({ nfs }: Volume, path: Path, problems: Problems): void {
  if (isUnset(nfs?.server)) problems.required(child(path, 'server'));
  const text = nfs?.path ?? '';
  if (text === '') problems.required(child(path, 'path'));
  if (!text.startsWith('/')) problems.invalid(child(path, 'path'), text, 'must be an absolute path');
}

function checkSecret({ secret }: Volume, path: Path, problems: Problems): void {
  if (isUnset(secret?.secretName)) problems.required(child(path, 'secretName'));
  checkFileMode(secret?.defaultMode, child(path, 'defaultMode'), problems);
  checkItems(secret?.items, path, problems);
}

function checkConfigMap({ configMap }: Volume, path: Path, problems: Problems): void {
  if (isUnset(configMap?.name)) problems.required(child(path, 'name'));
  checkFileMode(configMap?.defaultMode, child(path, 'defaultMode'), problems);
  checkItems(configMap?.items, path, problems);
}

function checkDownward({ downwardAPI }: Volume, path: Path, problems: Problems): void {
  checkFileMode(downwardAPI?.defaultMode, child(path, 'defaultMode'), problems);
  checkDownwardFiles(listOf(downwardAPI?.items), path, problems);
}
