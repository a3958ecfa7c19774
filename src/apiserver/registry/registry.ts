import type { Clock, Random } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import type { Histogram } from '../../metrics/index.ts';
import type { Store } from '../../store/index.ts';
import type { KindCatalog, Operations } from '../operations.ts';
import type { TokenIssuer } from '../tokens/index.ts';
import type { AdmissionRules } from './admit.ts';
import type { Indexes } from './indexes.ts';
import type { Versions } from './stored-version.ts';

/** What all operations share. */
export interface Registry {
  readonly store: Store;
  readonly catalog: KindCatalog;
  readonly admission: AdmissionRules;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly counters: Operations['counters'];
  readonly versions: Versions;
  readonly indexes: Indexes;
  readonly tokens: TokenIssuer;
  /** How long writes took until they were durable. */
  readonly commits: Histogram;
}
