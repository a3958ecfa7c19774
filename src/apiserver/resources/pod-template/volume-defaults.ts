import type { DownwardAPIVolumeFile, ProjectedVolumeSource, Volume, VolumeProjection } from '../../../api/index.ts';
import { withFieldRefDefaults, withResourceFieldRefDefaults } from './container-defaults.ts';
import { mapList, mapPart, withFields } from './copy-on-write.ts';
import { defaultPullPolicy } from './image-name.ts';
import { canonicalQuantity } from './known-quantities.ts';

/** 0644. */
const defaultMode = 420;

/** Upstream: core defaults `SetDefaults_Volume` and those of its sources. */
export function withVolumeDefaults(volume: Volume): Volume {
  if (!hasSource(volume)) return { ...volume, emptyDir: {} };
  return withFields(volume, {
    secret: mapPart(volume.secret, withMode),
    configMap: mapPart(volume.configMap, withMode),
    downwardAPI: mapPart(volume.downwardAPI, (source) =>
      withFields(withMode(source), { items: mapList(source.items, withFileDefaults) }),
    ),
    projected: mapPart(volume.projected, withProjectedDefaults),
    hostPath: mapPart(volume.hostPath, (source) => withFields(source, { type: source.type ?? '' })),
    emptyDir: mapPart(volume.emptyDir, (source) =>
      withFields(source, { sizeLimit: mapPart(source.sizeLimit, canonicalQuantity) }),
    ),
    image: mapPart(volume.image, (source) =>
      withFields(source, { pullPolicy: source.pullPolicy ?? defaultPullPolicy(source.reference) }),
    ),
  });
}

function hasSource(volume: Volume): boolean {
  for (const [key, value] of Object.entries(volume)) {
    if (key !== 'name' && value !== undefined && value !== null) return true;
  }
  return false;
}

function withMode<T extends { defaultMode?: number | undefined }>(source: T): T {
  return source.defaultMode === undefined || source.defaultMode === null ? { ...source, defaultMode } : source;
}

function withFileDefaults(file: DownwardAPIVolumeFile): DownwardAPIVolumeFile {
  return withFields(file, {
    fieldRef: mapPart(file.fieldRef, withFieldRefDefaults),
    resourceFieldRef: mapPart(file.resourceFieldRef, withResourceFieldRefDefaults),
  });
}

function withProjectedDefaults(source: ProjectedVolumeSource): ProjectedVolumeSource {
  return withFields(withMode(source), { sources: mapList(source.sources, withProjectionDefaults) ?? [] });
}

function withProjectionDefaults(projection: VolumeProjection): VolumeProjection {
  return withFields(projection, {
    downwardAPI: mapPart(projection.downwardAPI, (part) =>
      withFields(part, { items: mapList(part.items, withFileDefaults) }),
    ),
    serviceAccountToken: mapPart(projection.serviceAccountToken, (token) =>
      withFields(token, { expirationSeconds: token.expirationSeconds ?? 3600 }),
    ),
  });
}
