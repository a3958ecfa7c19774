import { parseTime, type CertificateSigningRequest } from '../../api/index.ts';

/** The signer that is at work here: for users and programs that are clients of this API server. */
export const clientSigner = 'kubernetes.io/kube-apiserver-client';

const hourMs = 3600_000;
/** Upstream's cleaner: how long requests are kept after they were decided, and while nobody decides. */
const approvedMs = hourMs;
const deniedMs = hourMs;
const pendingMs = 24 * hourMs;

const allowedUsages = new Set(['client auth', 'digital signature', 'key encipherment']);

/** What is to be done about a request now. */
export type Plan =
  | { readonly action: 'sign' }
  | { readonly action: 'fail'; readonly reason: string; readonly message: string }
  | { readonly action: 'remove' }
  /** Undefined: nothing will have to be done without a change. */
  | { readonly action: 'wait'; readonly untilMs: number | undefined };

/** Pure. Upstream: pkg/controller/certificates signer and cleaner. */
export function planRequest(request: CertificateSigningRequest, nowMs: number): Plan {
  const untilMs = removeAtMs(request);
  if (untilMs <= nowMs) return { action: 'remove' };
  const has = (type: string): boolean => request.status?.conditions?.some((one) => one.type === type) === true;
  const open = has('Approved') && !has('Denied') && !has('Failed') && (request.status?.certificate ?? '') === '';
  if (!open || request.spec.signerName !== clientSigner) return { action: 'wait', untilMs };
  const problem = usagesProblem(request.spec.usages ?? []);
  return problem === undefined
    ? { action: 'sign' }
    : { action: 'fail', reason: 'SignerValidationFailure', message: problem };
}

function usagesProblem(usages: readonly string[]): string | undefined {
  const other = usages.find((usage) => !allowedUsages.has(usage));
  if (other !== undefined) return `invalid usage for client certificate: ${other}`;
  return usages.includes('client auth') ? undefined : 'the usages must include client auth';
}

function removeAtMs({ metadata, status }: CertificateSigningRequest): number {
  const timeOf = (type: string): number | undefined => {
    const time = status?.conditions?.find((one) => one.type === type)?.lastUpdateTime;
    return time === undefined ? undefined : parseTime(time);
  };
  const decided = [
    [timeOf('Denied'), deniedMs],
    [timeOf('Failed'), deniedMs],
    [timeOf('Approved'), approvedMs],
  ] as const;
  const ends = decided.flatMap(([atMs, keptMs]) => (atMs === undefined ? [] : [atMs + keptMs]));
  return ends.length > 0 ? Math.min(...ends) : parseTime(metadata.creationTimestamp) + pendingMs;
}
