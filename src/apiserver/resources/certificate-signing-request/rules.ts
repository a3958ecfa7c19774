import { dns1123SubdomainErrors } from '../../../api/index.ts';
import type { CertificateSigningRequest, CertificateSigningRequestCondition, FieldError } from '../../../api/index.ts';
import { child, item, Problems, rootPath } from '../field-path.ts';
import { semanticallyEqual } from '../../registry/semantic-equality.ts';
import { parseCertificateRequest } from './parse-request.ts';

/** Upstream's list of usages (certificates v1 `KeyUsage`). */
const usages: readonly string[] = [
  ...['any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment'],
  ...['decipher only', 'digital signature', 'email protection', 'encipher only', 'ipsec end system', 'ipsec tunnel'],
  ...['ipsec user', 'key agreement', 'key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing'],
  ...['s/mime', 'server auth', 'signing', 'timestamping'],
];

const shortestSeconds = 600;
const spec = rootPath('spec');
const conditionsPath = child(rootPath('status'), 'conditions');
const decided = ['Approved', 'Denied'];

/** Upstream: certificates validation `validateCertificateSigningRequest`. */
export function validateRequest(object: CertificateSigningRequest): readonly FieldError[] {
  const problems = new Problems();
  const { request, signerName, expirationSeconds } = object.spec ?? {};
  const parsed = parseCertificateRequest(request ?? '');
  if (typeof parsed === 'string') problems.invalid(child(spec, 'request'), request ?? '', parsed);
  checkUsages(object.spec?.usages ?? [], problems);
  checkSignerName(signerName ?? '', problems);
  if (expirationSeconds !== undefined && expirationSeconds < shortestSeconds) {
    const text = `may not specify a duration less than ${shortestSeconds} seconds (10 minutes)`;
    problems.invalid(child(spec, 'expirationSeconds'), expirationSeconds, text);
  }
  return problems.errors;
}

function checkUsages(given: readonly string[], problems: Problems): void {
  const path = child(spec, 'usages');
  if (given.length === 0) problems.required(path);
  given.forEach((usage, at) => {
    if (!usages.includes(usage)) problems.notSupported(item(path, at), usage, usages);
    if (given.indexOf(usage) !== at) problems.duplicate(item(path, at), usage);
  });
}

/** `example.com/signer`: a domain of at least two parts, and a path. */
function checkSignerName(signerName: string, problems: Problems): void {
  const path = child(spec, 'signerName');
  const [domain = '', ...rest] = signerName.split('/');
  if (signerName === '') problems.required(path);
  else if (signerName === 'kubernetes.io/legacy-unknown')
    problems.invalid(path, signerName, 'the legacy signerName is not allowed via this API version');
  else if (rest.length !== 1)
    problems.invalid(
      path,
      signerName,
      "must be a fully qualified domain and path of the form 'example.com/signer-name'",
    );
  else {
    problems.allInvalid(path, domain, dns1123SubdomainErrors(domain));
    if (!domain.includes('.'))
      problems.invalid(path, domain, 'should be a domain with at least two segments separated by dots');
    problems.allInvalid(path, rest[0], dns1123SubdomainErrors(rest[0] ?? ''));
  }
}

type Conditions = readonly CertificateSigningRequestCondition[];

function conditionsOf({ status }: CertificateSigningRequest): Conditions {
  return status?.conditions ?? [];
}

function checkConditions(conditions: Conditions, problems: Problems): void {
  conditions.forEach(({ type, status }, at) => {
    const path = item(conditionsPath, at);
    if (type === '') problems.required(child(path, 'type'));
    if (status === '') problems.required(child(path, 'status'));
    else if ([...decided, 'Failed'].includes(type) && status !== 'True')
      problems.notSupported(child(path, 'status'), status, ['True']);
    else if (!['True', 'False', 'Unknown'].includes(status))
      problems.notSupported(child(path, 'status'), status, ['False', 'True', 'Unknown']);
    if (conditions.findIndex((other) => other.type === type) !== at) problems.duplicate(child(path, 'type'), type);
  });
  if (decided.every((type) => conditions.some((one) => one.type === type)))
    problems.invalid(conditionsPath, 'Denied', 'Approved and Denied conditions are mutually exclusive');
}

function checkKept(next: Conditions, old: Conditions, problems: Problems): void {
  for (const type of [...decided, 'Failed']) {
    if (old.some((one) => one.type === type) && !next.some((one) => one.type === type))
      problems.forbidden(conditionsPath, `updates may not remove a condition of type "${type}"`);
  }
}

/** `/approval`: who may decide it does so once. */
export function validateApproval(
  next: CertificateSigningRequest,
  old: CertificateSigningRequest,
): readonly FieldError[] {
  const problems = new Problems();
  checkConditions(conditionsOf(next), problems);
  checkKept(conditionsOf(next), conditionsOf(old), problems);
  return problems.errors;
}

/** `/status`: the signer neither decides, nor replaces a certificate that it has issued. */
export function validateStatus(next: CertificateSigningRequest, old: CertificateSigningRequest): readonly FieldError[] {
  const problems = new Problems();
  const [after, before] = [conditionsOf(next), conditionsOf(old)];
  checkConditions(after, problems);
  checkKept(after, before, problems);
  for (const type of decided) {
    const [then, now] = [before, after].map((all) => all.find((one) => one.type === type));
    if (then === undefined && now !== undefined)
      problems.forbidden(conditionsPath, `updates may not add a condition of type "${type}"`);
    else if (then !== undefined && now !== undefined && !semanticallyEqual(then, now))
      problems.forbidden(conditionsPath, `updates may not modify a condition of type "${type}"`);
  }
  const issued = old.status?.certificate ?? '';
  const path = child(rootPath('status'), 'certificate');
  if (issued !== '' && next.status?.certificate !== issued)
    problems.forbidden(path, 'updates may not modify existing certificate content');
  else if (issued === '' && (next.status?.certificate ?? '') !== '' && !isPem(next.status?.certificate ?? ''))
    problems.invalid(path, '<certificate data>', 'must contain at least one CERTIFICATE PEM block');
  return problems.errors;
}

function isPem(base64: string): boolean {
  return Buffer.from(base64, 'base64').toString('latin1').includes('-----BEGIN CERTIFICATE-----');
}
