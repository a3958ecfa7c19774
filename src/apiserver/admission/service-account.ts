import { forbidden, resources, type Pod } from '../../api/index.ts';
import type { Admission, AdmissionRequest } from '../kind.ts';
import type { StoredReader } from './stored-reader.ts';

/**
 * Every Pod runs as a ServiceAccount that exists; without a wish it is `default` (upstream's plugin ServiceAccount).
 * Nothing is mounted: there are no tokens yet, so `automountServiceAccountToken` makes no difference.
 */
export function serviceAccount(read: StoredReader): Admission {
  return {
    name: 'ServiceAccount',
    admit: (request) => {
      const { kind, operation, subresource } = request;
      if (operation !== 'create' || kind.resource.resource !== 'pods' || kind.resource.group !== '') return;
      if (subresource === undefined) admitPod(read, request);
    },
  };
}

function admitPod(read: StoredReader, { object, kind, namespace, name }: AdmissionRequest): void {
  const pod = object as Pod;
  if (pod.spec === undefined) return;
  const account = pod.spec.serviceAccountName || pod.spec.serviceAccount || 'default';
  if (read(resources.serviceAccounts, { namespace, name: account }) === undefined) {
    const missing = `serviceaccount "${account}" not found`;
    throw forbidden(kind.resource, name, `error looking up service account ${namespace}/${account}: ${missing}`);
  }
  if (pod.spec.serviceAccountName === account && pod.spec.serviceAccount === account) return;
  pod.spec = { ...pod.spec, serviceAccountName: account, serviceAccount: account };
}
