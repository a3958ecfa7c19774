import type { DownwardAPIVolumeFile } from '../../../api/index.ts';
import { child } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset } from '../value-rules.ts';
import { checkFieldRef, checkResourceFieldRef } from './env-rules.ts';
import { checkFileMode, checkNonReservedPath } from './path-rules.ts';

const volumeFieldPaths = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];

/** Upstream: core validation `validateDownwardAPIVolumeFile`; it reports on the volume, without the position. */
export function checkDownwardFiles(files: readonly DownwardAPIVolumeFile[], path: Path, problems: Problems): void {
  for (const file of files) checkFile(file, path, problems);
}

function checkFile(file: DownwardAPIVolumeFile, path: Path, problems: Problems): void {
  if (isUnset(file.path)) problems.required(child(path, 'path'));
  checkNonReservedPath(file.path ?? '', child(path, 'path'), problems);
  const { fieldRef, resourceFieldRef } = file;
  if (fieldRef !== undefined) {
    checkFieldRef(fieldRef, volumeFieldPaths, child(path, 'fieldRef'), problems);
    if (resourceFieldRef !== undefined) {
      problems.invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously');
    }
  } else if (resourceFieldRef === undefined) {
    problems.required(path, 'one of fieldRef and resourceFieldRef is required');
  } else if (isUnset(resourceFieldRef.containerName)) {
    // A volume belongs to no container, so the file must say whose resources it means.
    problems.required(child(child(path, 'resourceFieldRef'), 'containerName'));
  } else {
    checkResourceFieldRef(resourceFieldRef, child(path, 'resourceFieldRef'), problems);
  }
  checkFileMode(file.mode, child(path, 'mode'), problems);
}
