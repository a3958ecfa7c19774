import type { ProjectedVolumeSource, ServiceAccountTokenProjection, VolumeProjection } from '../../../api/index.ts';
import { child, item } from '../field-path.ts';
import type { Path, Problems } from '../field-path.ts';
import { isUnset, listOf } from '../value-rules.ts';
import { checkDownwardFiles } from './downward-rules.ts';
import { checkFileMode, checkItems, checkNonReservedPath } from './path-rules.ts';

const kinds = [
  'secret',
  'configMap',
  'downwardAPI',
  'serviceAccountToken',
  'clusterTrustBundle',
  'podCertificate',
] as const;

/** Frozen ones that were found right: nearly every Pod has the very same one, with the token of its ServiceAccount. */
const right = new WeakSet<ProjectedVolumeSource>();

/** Upstream: core validation `validateProjectionSources`. */
export function checkProjected(volume: ProjectedVolumeSource, path: Path, problems: Problems): void {
  if (right.has(volume)) return;
  const before = problems.errors.length;
  checkSources(volume, path, problems);
  if (problems.errors.length === before && Object.isFrozen(volume)) right.add(volume);
}

function checkSources(volume: ProjectedVolumeSource, path: Path, problems: Problems): void {
  checkFileMode(volume.defaultMode, child(path, 'defaultMode'), problems);
  const taken = new Set<string>();
  for (const [position, source] of listOf(volume.sources).entries()) {
    const at = item(child(path, 'sources'), position);
    checkSource(source, at, problems);
    if (source.serviceAccountToken !== undefined) checkToken(source.serviceAccountToken, path, at, problems);
    for (const text of pathsOf(source)) {
      if (taken.has(text)) problems.invalid(path, text, 'conflicting duplicate paths');
      taken.add(text);
    }
    const present = kinds.filter((kind) => source[kind] !== undefined);
    if (present.length > 1) problems.forbidden(at, 'may not specify more than 1 volume type per source');
  }
}

function checkSource(source: VolumeProjection, path: Path, problems: Problems): void {
  for (const kind of ['secret', 'configMap'] as const) {
    const projection = source[kind];
    if (projection === undefined) continue;
    const at = child(path, kind);
    if (isUnset(projection.name)) problems.required(child(at, 'name'));
    checkItems(projection.items, at, problems);
  }
  if (source.downwardAPI !== undefined) {
    checkDownwardFiles(listOf(source.downwardAPI.items), child(path, 'downwardAPI'), problems);
  }
}

/** The path of the token is reported on the volume, as upstream does it. */
function checkToken(
  token: ServiceAccountTokenProjection,
  volumePath: Path,
  sourcePath: Path,
  problems: Problems,
): void {
  const at = child(child(sourcePath, 'serviceAccountToken'), 'expirationSeconds');
  const seconds = token.expirationSeconds ?? 3600;
  if (seconds < 600) problems.invalid(at, seconds, 'may not specify a duration less than 10 minutes');
  if (seconds > 2 ** 32) problems.invalid(at, seconds, 'may not specify a duration larger than 2^32 seconds');
  if (isUnset(token.path)) problems.required(child(volumePath, 'path'));
  else checkNonReservedPath(token.path, child(volumePath, 'path'), problems);
}

function pathsOf(source: VolumeProjection): readonly string[] {
  const files = [
    ...listOf(source.secret?.items),
    ...listOf(source.configMap?.items),
    ...listOf(source.downwardAPI?.items),
  ];
  return files.map((file) => file.path).filter((path) => !isUnset(path));
}
