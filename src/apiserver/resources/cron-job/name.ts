import { dns1123SubdomainErrors } from '../../../api/index.ts';

/** Jobs get the name and 11 characters more, and must fit in a DNS label. Holds only for new CronJobs. */
export function cronJobNameErrors(name: string): readonly string[] {
  const errors = dns1123SubdomainErrors(name);
  return name.length > 52 ? [...errors, 'must be no more than 52 characters'] : errors;
}
