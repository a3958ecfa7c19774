import type { Duplex, Readable, Writable } from 'node:stream';
import type { ApiError, Draft, KubeObject, ObjectRef, Pod, TokenRequest, TokenRequestSpec } from '../api/index.ts';
import type { DeleteOptions, Patch, PodLogOptions } from '../client/index.ts';
import type { KindDefinition, UserInfo } from './kind.ts';
import type { ReviewDefinition } from './review.ts';

/**
 * What can be done with the kinds that are served: the one law behind both doors (HTTP and in-process). Everything is
 * defaulted, admitted and validated here. All methods reject with ApiError; nothing is half-written.
 */
export interface Operations {
  readonly kinds: KindCatalog;
  /** How many objects of a kind there are, from the index. */
  count(kind: KindDefinition): number;
  get(request: Request, ref: ObjectRef): Promise<Stored>;
  list(request: Request, query: ListQuery): Promise<StoredList>;
  /** @throws ApiError at once for bad queries; a resource version that is too old ends the watch with 410 Expired. */
  watch(request: Request, query: WatchQuery, sink: WatchSink): { close(): void };
  create(request: WriteRequest, draft: Draft<KubeObject>): Promise<Stored>;
  update(request: WriteRequest, ref: ObjectRef, object: KubeObject): Promise<Written>;
  patch(request: WriteRequest, ref: ObjectRef, patch: Patch): Promise<Written>;
  delete(request: WriteRequest, ref: ObjectRef, options: DeleteCall): Promise<Deleted>;
  deleteCollection(request: WriteRequest, query: ListQuery, options: DeleteCall): Promise<StoredList>;
  /** `pods/binding`. */
  bind(request: WriteRequest, ref: ObjectRef, nodeName: string): Promise<void>;
  /** `pods/eviction`. */
  evict(request: WriteRequest, ref: ObjectRef, options: DeleteCall): Promise<Deleted>;
  /** `namespaces/finalize`: takes only spec.finalizers. */
  finalizeNamespace(request: WriteRequest, object: KubeObject): Promise<Written>;
  /** `serviceaccounts/token`. */
  createToken(request: WriteRequest, ref: ObjectRef, question: TokenQuestion): Promise<TokenRequest>;
  /** Counted work, for tests that prove cost per event is constant. */
  readonly counters: { objectsDecoded: number; objectsEncoded: number; objectsScanned: number };
}

export interface KindCatalog {
  readonly all: readonly KindDefinition[];
  find(group: string, version: string, resource: string): KindDefinition | undefined;
  byKind(group: string, kind: string): KindDefinition | undefined;
  /** Kinds that are asked and not kept. */
  readonly reviews: readonly ReviewDefinition[];
  findReview(group: string, version: string, resource: string): ReviewDefinition | undefined;
}

export interface Request {
  readonly kind: KindDefinition;
  /** Absent: all namespaces (lists, watches), or a cluster-scoped kind. */
  readonly namespace?: string | undefined;
  readonly user: UserInfo;
  /** `status`, or one of the kind's parts. */
  readonly subresource?: string | undefined;
  /** Takes texts for the Warning header. */
  readonly warn?: (text: string) => void;
}

export interface WriteRequest extends Request {
  readonly dryRun?: boolean;
  readonly fieldManager?: string | undefined;
  /** Called before a write of something that is not there creates it. @throws ApiError 403; absent: that is permitted */
  readonly mayCreate?: (() => void) | undefined;
  /**
   * How unknown fields that a patch brings in are treated. Bodies are checked while they are decoded, before they come
   * here. Absent: nothing is checked; for the in-process door, whose types are checked by the compiler.
   */
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore';
  /** Fields that the text of a patch has more than once, as texts. */
  readonly duplicateFields?: readonly string[];
}

/** One version of one object. `bytes` is its JSON as stored, apiVersion, kind and resourceVersion included. */
export interface Stored {
  readonly bytes: Buffer;
  /** Decoded on first use and kept; deep-frozen. */
  readonly object: KubeObject;
}

export interface Written extends Stored {
  readonly created?: boolean;
}

export interface StoredList {
  readonly items: readonly Stored[];
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export interface Deleted {
  /** Gone, or still there with a deletionTimestamp. */
  readonly removed: boolean;
  readonly stored: Stored;
}

/** What is asked of `serviceaccounts/token`; names may be left out. */
export interface TokenQuestion {
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly spec?: Partial<TokenRequestSpec>;
}

export interface DeleteCall extends DeleteOptions {
  readonly orphanDependents?: boolean;
}

export interface ListQuery {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
}

export interface WatchQuery {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
}

export type StoredEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly stored: Stored }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean };

export interface WatchSink {
  onEvents(events: readonly StoredEvent[]): void;
  /** At most once: all that was there (or had happened) when the watch began has been handed over; what follows is new. */
  onCurrent?(): void;
  /** Exactly once. */
  onEnd(error?: ApiError): void;
}

/** Where Pods run: how the API server reaches their logs. The engine connects it to the node agent. */
export interface PodStreams {
  log(pod: Pod, options: PodLogOptions, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Runs a command in a running container. @throws Error with the reason if that cannot be */
  exec(
    pod: Pod,
    wanted: { readonly container: string; readonly command: readonly string[]; readonly terminal: boolean },
  ): PodCommand;
  /** What a running container writes from now on, until it ends. @throws Error with the reason if that cannot be */
  attach(pod: Pod, wanted: { readonly container: string; readonly input: boolean }): PodCommand;
  /** A connection to a port of a Pod. @throws Error with the reason if that cannot be */
  portForward(pod: Pod, port: number): Duplex;
}

/** A command that runs in a container. */
export interface PodCommand {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exitCode: Promise<number>;
  kill(): void;
  /** Of its terminal, if it has one. */
  resize?(columns: number, rows: number): void;
}
