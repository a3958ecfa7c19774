import type { Job } from '../../../api/index.ts';
import type { Problems } from '../field-path.ts';

/** What a status write changes; most rules look only at what changed. */
export interface StatusChange {
  readonly next: Job;
  readonly old: Job;
  readonly problems: Problems;
}
