import { addAmounts, compareQuantities, forbidden, negated, type Amounts, type Pod } from '../../api/index.ts';
import type { Admission, AdmissionRequest } from '../kind.ts';
import type { Account, QuotaLedger } from './ledger.ts';
import { isInScope, limitedBy, missingText, usageOf } from './usage.ts';

/** Kinds whose changes can use up more. Upstream: the evaluators' `Handles`. */
const growing = ['services', 'persistentvolumeclaims'];

/**
 * Refuses what would use up more than a ResourceQuota allows (upstream's plugin ResourceQuota). What is let in is reserved
 * until its write is over, so that no two of them can share what is left for one.
 */
export function quotaAdmission(ledger: QuotaLedger): Admission {
  return {
    name: 'ResourceQuota',
    concerns: ({ operation, resource: { group, resource, namespaced }, subresource }) => {
      if (operation === 'delete' || !namespaced || subresource !== undefined) return false;
      return operation === 'create' || (group === '' && growing.includes(resource));
    },
    admit: (request) => {
      const { namespace, old } = request;
      if (namespace === undefined) return;
      const charges: (readonly [Account, Amounts])[] = [];
      for (const account of ledger.accountsOf(namespace)) {
        const more = charge(request, account, old);
        if (more !== undefined) charges.push([account, more]);
      }
      if (charges.length === 0) return;
      for (const [account, more] of charges) account.reserved = addAmounts(account.reserved, more);
      request.onSettled?.(() => {
        for (const [account, more] of charges) account.reserved = addAmounts(account.reserved, negated(more));
      });
    },
  };
}

/** What the request would use of one quota; undefined: nothing. @throws ApiError 403 if that is too much */
function charge(request: AdmissionRequest, account: Account, old: AdmissionRequest['old']): Amounts | undefined {
  const { kind, object, name } = request;
  const { quota } = account;
  if (!isInScope(quota, kind, object)) return undefined;
  const refuse = (text: string): Error => forbidden(kind.resource, name, text);
  if (kind.resource.resource === 'pods' && kind.resource.group === '') {
    const missing = missingText(quota, object as Pod);
    if (missing !== undefined) throw refuse(`failed quota: ${quota.metadata.name}: ${missing}`);
  }
  const before = old === undefined || !isInScope(quota, kind, old) ? {} : usageOf(kind, old);
  const more = positive(limitedBy(quota, addAmounts(usageOf(kind, object), negated(before))));
  if (Object.keys(more).length === 0) return undefined;
  const used = addAmounts(account.used, account.reserved);
  const hard = quota.spec?.hard ?? {};
  const after = addAmounts(used, more);
  const exceeded = Object.keys(more).filter((one) => compareQuantities(after[one] ?? '0', hard[one] ?? '0') > 0);
  if (exceeded.length === 0) return more;
  const list = (amounts: Amounts): string =>
    exceeded
      .toSorted()
      .map((one) => `${one}=${amounts[one] ?? '0'}`)
      .join(',');
  throw refuse(
    `exceeded quota: ${quota.metadata.name}, requested: ${list(more)}, used: ${list(used)}, limited: ${list(hard)}`,
  );
}

function positive(amounts: Amounts): Amounts {
  return Object.fromEntries(Object.entries(amounts).filter(([, amount]) => compareQuantities(amount, '0') > 0));
}
