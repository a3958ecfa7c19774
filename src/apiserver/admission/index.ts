// What is allowed in and what is added on the way. Promises: constant cost per request (look-ups by key).
import type { Random } from '../../clock/index.ts';
import type { Store } from '../../store/index.ts';
import type { Admission } from '../kind.ts';
import { defaultStorageClass } from './default-storage-class.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { ownRecords } from './own-records.ts';
import { podSecurity } from './pod-security/index.ts';
import { priority } from './priority.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { storedObjects } from './stored-reader.ts';

/** The rules that every API server of ours runs, in order. */
export function defaultAdmission(store: Store, random: Random): readonly Admission[] {
  const stored = storedObjects(store);
  const { read, list } = stored;
  return [
    ownRecords,
    namespaceLifecycle(read),
    limitRanger(list),
    serviceAccount(read, random),
    priority(stored),
    runtimeClass(read),
    defaultTolerationSeconds,
    defaultStorageClass(list),
    podSecurity(read),
  ];
}
