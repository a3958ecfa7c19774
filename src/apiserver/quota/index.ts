// What namespaces may use up. Promises: never more than a quota allows is let in, however many ask at once; constant cost
// per write (a whole namespace is read only when its quotas change); nothing at all without quotas.
export { QuotaLedger } from './ledger.ts';
export { quotaAdmission } from './quota-admission.ts';
export { QuotaStatusWriter } from './status-writer.ts';
