import type { Draft, KubeObject } from '../../api/index.ts';
import type { Range, Source } from './fields.ts';

/** A scenario as it is run. Instants are milliseconds since the epoch, durations milliseconds. */
export interface Scenario {
  readonly name: string;
  readonly source: Source;
  readonly startMs: number;
  readonly endMs: number;
  /** The zone of the host: of CronJobs that name none, and of the report. */
  readonly timeZone: string;
  readonly seed: number;
  /** Files that belong to it, as they stand in the scenario. */
  readonly manifests: readonly string[];
  /** The first one that fits counts. */
  readonly outcomes: readonly Outcome[];
  /** In the order of their instants. */
  readonly happenings: readonly Happening[];
  readonly expectations: readonly Expectation[];
}

export type Manifest = Draft<KubeObject> & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec?: Readonly<Record<string, unknown>>;
};

/** Names an object: `namespace/name`, where `*` stands for any letters. */
export type NamePattern = string;

export interface Outcome {
  readonly job: NamePattern | undefined;
  readonly index: number | undefined;
  /** Undefined: every container but those that only prepare the Pod. */
  readonly container: string | undefined;
  /** Counts from 1: the n-th start for the same Job and completion index. */
  readonly attempt: Range | undefined;
  /** Of the start, inclusive. */
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly result: Result;
  readonly duration: Distribution;
}

export type Result =
  | { readonly type: 'exits'; readonly exitCode: number }
  | { readonly type: 'outOfMemory' }
  | { readonly type: 'evicted' }
  | { readonly type: 'neverStarts' }
  | { readonly type: 'hangs' };

/** How long a container runs. */
export type Distribution =
  | { readonly type: 'fixed'; readonly ms: number }
  | { readonly type: 'uniform'; readonly minMs: number; readonly maxMs: number }
  | { readonly type: 'normal'; readonly meanMs: number; readonly deviationMs: number }
  | { readonly type: 'exponential'; readonly meanMs: number };

export type Happening = { readonly atMs: number; readonly path: readonly (string | number)[] } & Act;

export type Act =
  | { readonly type: 'engineDown'; readonly untilMs: number }
  | { readonly type: 'engineUp' }
  | { readonly type: 'suspend' | 'resume' | 'trigger'; readonly cronJob: NamePattern }
  | { readonly type: 'apply'; readonly manifest: Manifest }
  | { readonly type: 'delete'; readonly kind: string; readonly name: NamePattern }
  | { readonly type: 'clockStep'; readonly byMs: number };

/** One promise about the runs of some Jobs, of those that fall into a window. */
export interface Expectation {
  readonly path: readonly (string | number)[];
  /** CronJobs. */
  readonly cronJob: NamePattern | undefined;
  /** Jobs of their own. */
  readonly job: NamePattern | undefined;
  /** Inclusive; by the scheduled instant, or by the creation of what has none. */
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly checks: readonly Check[];
}

export type Check =
  | { readonly type: 'runs'; readonly range: Range }
  | { readonly type: 'failedRuns'; readonly range: Range }
  | { readonly type: 'at'; readonly instants: readonly number[] }
  | { readonly type: 'noneBetween'; readonly fromMs: number; readonly toMs: number }
  | { readonly type: 'localTimes'; readonly timeZone: string; readonly times: readonly string[] }
  | { readonly type: 'atMostAtOnce'; readonly limit: number }
  | { readonly type: 'lastSuccessWithin'; readonly ageMs: number }
  | { readonly type: 'startWithin'; readonly latenessMs: number }
  | { readonly type: 'everyTickAccountedFor' };
