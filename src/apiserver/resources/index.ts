import type { KindDefinition } from '../kind.ts';
import { certificateSigningRequest } from './certificate-signing-request.ts';
import { clusterRole } from './cluster-role.ts';
import { clusterRoleBinding } from './cluster-role-binding.ts';
import { configMap } from './config-map.ts';
import { cronJob } from './cron-job.ts';
import { event } from './event.ts';
import { job } from './job.ts';
import { endpointSlice } from './endpoint-slice.ts';
import { endpoints } from './endpoints.ts';
import { lease } from './lease.ts';
import { limitRange } from './limit-range.ts';
import { namespace } from './namespace.ts';
import { node } from './node.ts';
import { persistentVolume } from './persistent-volume.ts';
import { persistentVolumeClaim } from './persistent-volume-claim.ts';
import { podDisruptionBudget } from './pod-disruption-budget.ts';
import { pod } from './pod.ts';
import { priorityClass } from './priority-class.ts';
import { resourceQuota } from './resource-quota.ts';
import { role } from './role.ts';
import { roleBinding } from './role-binding.ts';
import { runtimeClass } from './runtime-class.ts';
import { secret } from './secret.ts';
import { serviceAccount } from './service-account.ts';
import { service } from './service.ts';
import { storageClass } from './storage-class.ts';
import { tickRecord } from './tick-record.ts';

/** Every kind that is served. Adding one is a file here and a line in this list. */
export const allKinds: readonly KindDefinition[] = [
  configMap,
  event,
  namespace,
  node,
  pod,
  secret,
  serviceAccount,
  service,
  endpoints,
  endpointSlice,
  podDisruptionBudget,
  persistentVolume,
  persistentVolumeClaim,
  storageClass,
  runtimeClass,
  priorityClass,
  limitRange,
  resourceQuota,
  lease,
  certificateSigningRequest,
  role,
  roleBinding,
  clusterRole,
  clusterRoleBinding,
  job,
  cronJob,
  tickRecord,
];
