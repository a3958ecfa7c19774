import { forbidden, notFound, resources } from '../../api/index.ts';
import type { Admission, AdmissionRequest } from '../kind.ts';
import { isA } from './concerns.ts';
import type { StoredReader } from './stored-reader.ts';

/** Namespaces that the cluster cannot do without (upstream's list, and the one that node leases live in). */
const immortal = new Set(['default', 'kube-system', 'kube-public', 'kube-node-lease']);

/**
 * Nothing is created in a namespace that is missing or being deleted, and some namespaces are never deleted
 * (upstream's plugin NamespaceLifecycle). Costs one look-up by key.
 */
export function namespaceLifecycle(read: StoredReader): Admission {
  return {
    name: 'NamespaceLifecycle',
    concerns: ({ operation, resource }) =>
      operation === 'create' ? resource.namespaced : operation === 'delete' && isA(resource, resources.namespaces),
    admit: (request) => {
      if (request.operation === 'create') checkCreate(read, request);
      else checkDelete(request);
    },
  };
}

function checkDelete({ kind, name }: AdmissionRequest): void {
  if (!immortal.has(name)) return;
  throw forbidden(kind.resource, name, 'this namespace may not be deleted');
}

function checkCreate(read: StoredReader, { kind, namespace, name }: AdmissionRequest): void {
  if (namespace === undefined) return;
  const found = read(resources.namespaces, { name: namespace });
  if (found === undefined) throw notFound(resources.namespaces, namespace);
  if (found.metadata.deletionTimestamp === undefined && found.status?.phase !== 'Terminating') return;
  const detail = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const message = `namespace ${namespace} is being terminated`;
  const causes = [{ reason: 'NamespaceTerminating', message, field: 'metadata.namespace' }];
  throw forbidden(kind.resource, name, detail, causes);
}
