import {
  isDefaultStorageClass,
  parseTime,
  resources,
  type PersistentVolumeClaim,
  type StorageClass,
} from '../../api/index.ts';
import type { Admission } from '../kind.ts';
import type { StoredLister } from './stored-reader.ts';

/** Claims that name no class get the newest default class (upstream's plugin DefaultStorageClass). */
export function defaultStorageClass(list: StoredLister): Admission {
  return {
    name: 'DefaultStorageClass',
    admit: ({ kind, operation, object, subresource }) => {
      const isClaim = kind.resource.resource === 'persistentvolumeclaims' && kind.resource.group === '';
      if (!isClaim || operation !== 'create' || subresource !== undefined) return;
      const claim = object as PersistentVolumeClaim;
      if (claim.spec?.storageClassName !== undefined) return;
      const newest = list<StorageClass>(resources.storageClasses)
        .filter(isDefaultStorageClass)
        .toSorted(newestFirst)[0];
      if (newest !== undefined) claim.spec = { ...claim.spec, storageClassName: newest.metadata.name };
    },
  };
}

function newestFirst({ metadata: a }: StorageClass, { metadata: b }: StorageClass): number {
  return parseTime(b.creationTimestamp) - parseTime(a.creationTimestamp) || a.name.localeCompare(b.name);
}
