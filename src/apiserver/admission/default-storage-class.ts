import {
  isDefaultStorageClass,
  parseTime,
  resources,
  type PersistentVolumeClaim,
  type StorageClass,
} from '../../api/index.ts';
import type { Admission } from '../kind.ts';
import { isA } from './concerns.ts';
import type { StoredLister } from './stored-reader.ts';

/** Claims that name no class get the newest default class (upstream's plugin DefaultStorageClass). */
export function defaultStorageClass(list: StoredLister): Admission {
  return {
    name: 'DefaultStorageClass',
    concerns: ({ operation, resource, subresource }) =>
      operation === 'create' && subresource === undefined && isA(resource, resources.persistentVolumeClaims),
    admit: ({ object }) => {
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
