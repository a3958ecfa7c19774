import { forbidden, formatTime, resources } from '../../api/index.ts';
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../api/index.ts';
import type { Clock } from '../../clock/index.ts';
import { mastersGroup, type Authorizer } from '../authorization/index.ts';
import type { Admission, AdmissionRequest } from '../kind.ts';
import { parseCertificateRequest } from '../resources/certificate-signing-request/parse-request.ts';
import { isA } from './concerns.ts';

const clientSigner = 'kubernetes.io/kube-apiserver-client';

type Draft = { -readonly [K in keyof CertificateSigningRequest]: CertificateSigningRequest[K] };

/**
 * Says who asks for a certificate; that nobody asks to become an administrator; that whoever decides, or signs, may do so
 * for this signer (upstream: admission plugins CertificateSubjectRestriction, CertificateApproval, CertificateSigning).
 */
export function certificateRequests(authorizer: Authorizer, clock: Clock): Admission {
  return {
    name: 'CertificateRequests',
    concerns: ({ resource, operation, subresource }) =>
      isA(resource, resources.certificateSigningRequests) &&
      (operation === 'create' || (operation === 'update' && subresource !== undefined)),
    admit: (request) => {
      const object = request.object as Draft;
      if (request.operation === 'create') {
        checkSubject(request, object);
        object.spec = { ...object.spec, ...requesterOf(request) };
        return;
      }
      const old = request.old as CertificateSigningRequest;
      if (request.subresource === 'approval') checkRight(request, authorizer, 'approve');
      else if (signs(object, old)) checkRight(request, authorizer, 'sign');
      object.status = { ...object.status, conditions: stamped(object, old, formatTime(clock.now())) };
    },
  };
}

function requesterOf({ user }: AdmissionRequest): Partial<CertificateSigningRequest['spec']> {
  const { name, uid, groups, extra } = user;
  return { username: name, uid: uid ?? '', groups, extra: extra ?? {} } as Partial<CertificateSigningRequest['spec']>;
}

function checkSubject({ kind, name }: AdmissionRequest, { spec }: Draft): void {
  if (spec?.signerName !== clientSigner) return;
  const parsed = parseCertificateRequest(spec.request ?? '');
  // What cannot be read is refused by validation, with the reason.
  if (typeof parsed === 'string' || !parsed.organizations.includes(mastersGroup)) return;
  throw forbidden(kind.resource, name, `use of ${clientSigner} signer with ${mastersGroup} group is not allowed`);
}

/** Whether a write of the status says that a certificate was issued, or could not be. */
function signs({ status }: Draft, old: CertificateSigningRequest): boolean {
  const failed = (one: CertificateSigningRequest['status']): boolean =>
    one?.conditions?.some(({ type }) => type === 'Failed') === true;
  return (status?.certificate ?? '') !== (old.status?.certificate ?? '') || failed(status) !== failed(old.status);
}

/** For the signer, or for all of its domain. */
function checkRight({ kind, name, user, object }: AdmissionRequest, authorizer: Authorizer, verb: string): void {
  const { signerName } = (object as CertificateSigningRequest).spec;
  const where = { group: 'certificates.k8s.io', resource: 'signers', subresource: undefined, namespace: undefined };
  const may = (signer: string): boolean =>
    authorizer.decide(user, { verb, path: '', resource: { ...where, name: signer } }).allowed;
  if (may(signerName) || may(`${signerName.split('/')[0]}/*`)) return;
  const what = verb === 'approve' ? 'approve requests with signerName' : 'sign requests with signerName';
  throw forbidden(kind.resource, name, `user not permitted to ${what} ${JSON.stringify(signerName)}`);
}

/** Times that the writer left out. */
function stamped(
  next: Draft,
  old: CertificateSigningRequest,
  now: string,
): readonly CertificateSigningRequestCondition[] {
  return (next.status?.conditions ?? []).map((one) => {
    const before = old.status?.conditions?.find(({ type }) => type === one.type);
    const since = before?.status === one.status ? before.lastTransitionTime : undefined;
    return {
      ...one,
      lastUpdateTime: one.lastUpdateTime ?? now,
      lastTransitionTime: one.lastTransitionTime ?? since ?? now,
    };
  });
}
