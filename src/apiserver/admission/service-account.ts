import { defaultServiceAccount, forbidden, resources, type Pod, type ServiceAccount } from '../../api/index.ts';
import type { Random } from '../../clock/index.ts';
import type { Admission, AdmissionRequest } from '../kind.ts';
import { foreignSecret } from './mountable-secrets.ts';
import type { StoredReader } from './stored-reader.ts';
import { wantsToken, withTokenVolume } from './token-volume.ts';

/**
 * Every Pod runs as a ServiceAccount that exists; without a wish it is `default`. Its containers find the token of that
 * account at the usual path, unless Pod or account want none; it pulls images with the account's secrets unless it names
 * some itself (upstream's plugin ServiceAccount).
 */
export function serviceAccount(read: StoredReader, random: Random): Admission {
  return {
    name: 'ServiceAccount',
    admit: (request) => {
      const { kind, operation, subresource } = request;
      if (kind.resource.resource !== 'pods' || kind.resource.group !== '') return;
      if (operation === 'create' && subresource === undefined) admitPod(request, read, random);
      if (operation === 'update' && subresource === 'ephemeralcontainers') checkSecrets(request, read);
    },
  };
}

function admitPod(request: AdmissionRequest, read: StoredReader, random: Random): void {
  const pod = request.object as Pod;
  if (pod.spec === undefined) return;
  const name = pod.spec.serviceAccountName || pod.spec.serviceAccount || defaultServiceAccount;
  const account = accountOf(request, name, read);
  pod.spec = { ...pod.spec, serviceAccountName: name, serviceAccount: name };
  if (wantsToken(pod, account)) pod.spec = withTokenVolume(pod.spec, random);
  const { imagePullSecrets = [] } = account;
  if (imagePullSecrets.length > 0 && (pod.spec.imagePullSecrets ?? []).length === 0)
    pod.spec = { ...pod.spec, imagePullSecrets };
  refuseForeignSecret(request, pod, account);
}

function checkSecrets(request: AdmissionRequest, read: StoredReader): void {
  const pod = request.object as Pod;
  const { serviceAccountName } = pod.spec;
  if (serviceAccountName) refuseForeignSecret(request, pod, accountOf(request, serviceAccountName, read));
}

function accountOf({ kind, name, namespace }: AdmissionRequest, account: string, read: StoredReader): ServiceAccount {
  const found = read(resources.serviceAccounts, { namespace, name: account });
  if (found !== undefined) return found;
  const missing = `serviceaccount "${account}" not found`;
  throw forbidden(kind.resource, name, `error looking up service account ${namespace}/${account}: ${missing}`);
}

function refuseForeignSecret({ kind, name }: AdmissionRequest, pod: Pod, account: ServiceAccount): void {
  const reason = foreignSecret(pod, account);
  if (reason !== undefined) throw forbidden(kind.resource, name, reason);
}
