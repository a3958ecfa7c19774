import { humanDuration, resources } from '../../api/index.ts';
import type { CertificateSigningRequest } from '../../api/index.ts';
import { validateApproval, validateRequest, validateStatus } from './certificate-signing-request/rules.ts';
import { defineKind } from './define-kind.ts';
import { age, ageColumn, column, nameColumn } from './table-columns.ts';

/** `Approved,Issued`, as upstream's printer. */
function conditionText({ status }: CertificateSigningRequest): string {
  const types = (status?.conditions ?? []).map(({ type }) => type);
  const decision = types.includes('Denied') ? 'Denied' : types.includes('Approved') ? 'Approved' : 'Pending';
  const failed = types.includes('Failed') ? ',Failed' : '';
  return `${decision}${failed}${(status?.certificate ?? '') === '' ? '' : ',Issued'}`;
}

export const certificateSigningRequest = defineKind<CertificateSigningRequest>({
  resource: resources.certificateSigningRequests,
  singular: 'certificatesigningrequest',
  shortNames: ['csr'],
  hasStatus: true,
  hasGeneration: false,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  validateName: () => [],
  // What was asked for stays: others have decided about it.
  prepareForUpdate: (next, old) => void Object.assign(next, { spec: old.spec }),
  validate: validateRequest,
  validateStatusUpdate: validateStatus,
  parts: {
    approval: {
      inStatus: true,
      take: (wanted, old) => ({ ...wanted, status: { ...old.status, conditions: wanted.status?.conditions } }) as never,
      validate: validateApproval,
    },
  },
  fieldLabels: { 'spec.signerName': ({ spec }) => spec?.signerName ?? '' },
  table: {
    columns: [
      nameColumn,
      ageColumn,
      column('SignerName', 'Who is asked to sign it.'),
      column('Requestor', 'Who asked for it.'),
      column('RequestedDuration', 'How long the certificate should be valid.'),
      column('Condition', 'What became of it.'),
    ],
    cells: (object, nowMs) => {
      const { signerName, username = '', expirationSeconds } = object.spec ?? {};
      const duration = expirationSeconds === undefined ? '<none>' : humanDuration(expirationSeconds * 1000);
      return [object.metadata.name, age(object, nowMs), signerName ?? '', username, duration, conditionText(object)];
    },
  },
});
