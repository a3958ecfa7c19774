import { dns1123SubdomainErrors, fieldError } from '../../../api/index.ts';
import type { FieldError } from '../../../api/index.ts';

const maxBytes = 63;
const pathPattern = /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/;
const pathText = `Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')`;

/** Upstream: apimachinery `IsDomainPrefixedPath`, and the limit of spec.managedBy. */
export function managedByErrors(value: string, field: string): readonly FieldError[] {
  const errors = value === '' ? [fieldError.required(field)] : domainPathErrors(value, field);
  if (Buffer.byteLength(value) > maxBytes) errors.push(fieldError.tooLong(field, maxBytes));
  return errors;
}

function domainPathErrors(value: string, field: string): FieldError[] {
  const slash = value.indexOf('/');
  const host = value.slice(0, slash);
  const path = value.slice(slash + 1);
  if (slash < 1 || path === '') {
    return [fieldError.invalid(field, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  const errors = dns1123SubdomainErrors(host).map((text) => fieldError.invalid(field, host, text));
  if (!pathPattern.test(path)) errors.push(fieldError.invalid(field, path, pathText));
  return errors;
}
