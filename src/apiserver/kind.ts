import type { FieldError, KubeObject, Resource } from '../api/index.ts';
import type { PropagationPolicy } from '../client/index.ts';
import type { Random } from '../clock/index.ts';

/**
 * Everything the API server knows of one kind. A kind is one declarative file in `resources/`; the generic code never
 * names a kind. Functions are pure. Objects given to them are freshly decoded drafts that they may fill in (defaults,
 * prepare) or frozen ones (`old`), never shared mutable state.
 */
export interface KindDefinition<T extends KubeObject = KubeObject> {
  readonly resource: Resource<T>;
  readonly singular: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** The message in the field table; default: the kind. */
  readonly message?: string;
  /** Has `/status`; main writes keep the stored status, status writes keep the rest (but take labels and annotations). */
  readonly hasStatus: boolean;
  /** metadata.generation is 1 on create and rises when spec changes. */
  readonly hasGeneration: boolean;
  readonly allowUnconditionalUpdate: boolean;
  readonly allowCreateOnUpdate: boolean;
  /** Checks of metadata.name beyond path-segment rules. */
  readonly validateName: (name: string) => readonly string[];
  /** Fills in defaults, also on read of what older versions stored. Mutates its argument. */
  readonly setDefaults?: (draft: T) => void;
  /** After defaulting, on create: clears what clients may not set, adds what the server sets. Mutates its argument. */
  readonly prepareForCreate?: (draft: T, context: PrepareContext) => void;
  /** On update of the main resource, after the generic rules. Mutates `next`. */
  readonly prepareForUpdate?: (next: T, old: T, context: PrepareContext) => void;
  /** On create, and on update before `validateUpdate`; `old` only then: some rules hold only for new objects. */
  readonly validate?: (object: T, old?: T) => readonly FieldError[];
  readonly validateUpdate?: (next: T, old: T) => readonly FieldError[];
  readonly validateStatusUpdate?: (next: T, old: T) => readonly FieldError[];
  /** For the Warning header. `old` is undefined on create. */
  readonly warnings?: (object: T, old: T | undefined) => readonly string[];
  /** Field labels beyond metadata.name and metadata.namespace: label to value as text. */
  readonly fieldLabels?: Readonly<Record<string, (object: T) => string>>;
  /**
   * Label keys and field labels for which an equality selector is answered from an index instead of a scan
   * (`label:job-name`, `field:involvedObject.uid`).
   */
  readonly indexed?: readonly string[];
  readonly table: KindTable<T>;
  readonly deletion?: DeletionRules<T>;
  /** Subresources that write one part of an object by rules of their own (Pods: `ephemeralcontainers`), by name. */
  readonly parts?: Readonly<Record<string, PartDefinition<T>>>;
  /** Objects vanish this long after their last write (Events). */
  readonly timeToLiveMs?: number;
  /**
   * Writes may wait this long for a flush that others ask for: for kinds that many are written of and nobody waits for
   * (Events). The answer still comes after the flush.
   */
  readonly flushMayWaitMs?: number;
}

export interface PartDefinition<T> {
  /** The part is one of the status; what else the object holds stays as it is. */
  readonly inStatus?: boolean;
  /** The stored object with the part that `wanted` brings; nothing else of that is taken. */
  readonly take: (wanted: T, old: T) => T;
  /** In place of `validateUpdate`. */
  readonly validate: (next: T, old: T) => readonly FieldError[];
}

export interface PrepareContext {
  readonly nowMs: number;
  readonly random: Random;
}

export interface KindTable<T> {
  readonly columns: readonly TableColumn[];
  /** One cell per column, in order. */
  readonly cells: (object: T, nowMs: number) => readonly TableCell[];
  /** Row conditions, e.g. Completed for finished Pods. */
  readonly conditions?: (object: T) => readonly Readonly<Record<string, string>>[];
}

export type TableCell = string | number | boolean | null;

export interface TableColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly format?: string;
  readonly description: string;
  /** 1: only with -o wide. */
  readonly priority: 0 | 1;
}

export interface DeletionRules<T> {
  /** What happens to dependents when the client names no policy. Default Background. */
  readonly defaultPropagation?: PropagationPolicy;
  /** Warning when the client names no policy. */
  readonly defaultPropagationWarning?: string;
  /** Seconds of grace for this object (0: removed at once). Absent: kinds without graceful deletion. */
  readonly graceSeconds?: (object: T, requested: number | undefined) => number;
  /** Names that may not be deleted: reason, or undefined. */
  readonly forbid?: (object: T) => string | undefined;
  /** Called when deletion starts and the object stays (finalizers or grace); mutates `next` (Namespace: phase). */
  readonly onDeletionStart?: (next: T) => void;
  /** Keeps the object until this is false, besides metadata.finalizers (Namespace: spec.finalizers). */
  readonly heldBack?: (object: T) => boolean;
  /** Collections of this kind cannot be deleted (Namespaces): somebody must name each. */
  readonly oneByOne?: boolean;
  /** The answer carries the object, not a Status, when it is gone at once (Pods, Namespaces, …). */
  readonly answersObject?: boolean;
}

/** Runs before validation of every create, update and delete, on both doors. Throws ApiError to refuse. */
export interface Admission {
  readonly name: string;
  /** What it has a say in; asked once for each kind, operation and subresource, so that other writes cost nothing. */
  concerns(what: AdmissionSubject): boolean;
  /** Asked about what it concerns only. */
  admit(request: AdmissionRequest): void | Promise<void>;
}

export interface AdmissionSubject {
  readonly operation: 'create' | 'update' | 'delete';
  readonly resource: KindDefinition['resource'];
  readonly subresource: string | undefined;
}

export interface AdmissionRequest {
  readonly operation: AdmissionSubject['operation'];
  readonly kind: KindDefinition;
  readonly namespace: string | undefined;
  readonly name: string;
  /** Mutable on create and update; the stored object on delete. */
  readonly object: KubeObject;
  readonly old: KubeObject | undefined;
  readonly subresource: string | undefined;
  readonly user: UserInfo;
  /** Registers what is to be called when the write is visible, was refused by another rule, or has failed. */
  readonly onSettled?: (call: () => void) => void;
  /** For the Warning header; absent: nobody reads it. */
  readonly warn?: ((text: string) => void) | undefined;
}

export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  /** What else is known of the user: `authentication.kubernetes.io/pod-name`, for instance. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

const authenticatedGroup = 'system:authenticated';

/** The user with the group of all that said who they are. */
export function authenticated(user: UserInfo): UserInfo {
  if (user.groups.includes(authenticatedGroup)) return user;
  return { ...user, groups: [...user.groups, authenticatedGroup] };
}
