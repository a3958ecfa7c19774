import {
  defaultServiceAccount,
  forbidden,
  resources,
  type Pod,
  type PodSpec,
  type ServiceAccount,
} from '../../api/index.ts';
import type { Random } from '../../clock/index.ts';
import type { Admission, AdmissionRequest } from '../kind.ts';
import { isA } from './concerns.ts';
import { foreignSecret } from './mountable-secrets.ts';
import { SpecMemo } from '../resources/pod-template/spec-memo.ts';
import type { StoredReader } from './stored-reader.ts';
import { tokenMounting, wantsToken, withTokenVolume, type TokenMounting } from './token-volume.ts';

/**
 * Every Pod runs as a ServiceAccount that exists; without a wish it is `default`. Its containers find the token of that
 * account at the usual path, unless Pod or account want none; it pulls images with the account's secrets unless it names
 * some itself (upstream's plugin ServiceAccount).
 */
export function serviceAccount(read: StoredReader, random: Random): Admission {
  const means: Means = { read, mounting: tokenMounting(random), memo: new SpecMemo() };
  return {
    name: 'ServiceAccount',
    concerns: ({ operation, resource, subresource }) =>
      isA(resource, resources.pods) &&
      (operation === 'create' ? subresource === undefined : subresource === 'ephemeralcontainers'),
    admit: (request) => {
      if (request.operation === 'create') admitPod(request, means);
      else checkSecrets(request, read);
    },
  };
}

interface Means {
  readonly read: StoredReader;
  readonly mounting: TokenMounting;
  readonly memo: SpecMemo;
}

function admitPod(request: AdmissionRequest, { read, mounting, memo }: Means): void {
  const pod = request.object as Pod;
  const { spec } = pod;
  if (spec === undefined) return;
  const name = spec.serviceAccountName || spec.serviceAccount || defaultServiceAccount;
  const account = accountOf(request, name, read);
  pod.spec = memo.of(spec, account, () => withAccount(spec, account, mounting));
  refuseForeignSecret(request, pod, account);
}

function withAccount(given: PodSpec, account: ServiceAccount, mounting: TokenMounting): PodSpec {
  const { name } = account.metadata;
  const named: PodSpec = { ...given, serviceAccountName: name, serviceAccount: name };
  const spec = wantsToken({ spec: named }, account) ? withTokenVolume(named, mounting) : named;
  const { imagePullSecrets = [] } = account;
  return imagePullSecrets.length > 0 && (spec.imagePullSecrets ?? []).length === 0
    ? { ...spec, imagePullSecrets }
    : spec;
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
