import type { KubeObject } from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';
import type { WriteRequest } from '../operations.ts';
import { mutableCopy } from './copies.ts';
import { mergedMetadata } from './merged-metadata.ts';
import type { Registry } from './registry.ts';
import { semanticallyEqual } from './semantic-equality.ts';

/** An object seen as its members. */
export type Members = KubeObject & Record<string, unknown>;

/** What a write would store, and whether anything beside the metadata is new in it. */
export interface Successor {
  readonly next: Members;
  readonly contentChanged: boolean;
}

/**
 * The successor of `old` that a write of the main resource asks for: status kept, defaults and the kind's preparation
 * applied to what is new. Members that are the stored ones by reference are not looked at again: they were defaulted
 * and validated when they were written.
 */
export function mainSuccessor(registry: Registry, request: WriteRequest, wanted: Members, old: Members): Successor {
  const { kind } = request;
  const next = withMembersOf(wanted, old, kind);
  next.metadata = mergedMetadata(wanted.metadata, old.metadata, request.warn);
  const contentChanged = differs(next, old);
  if (!contentChanged && next.metadata.labels === old.metadata.labels) return { next, contentChanged };
  thawNewMembers(next, old);
  // Some labels are defaults too, so a write that only takes labels away comes here as well.
  kind.setDefaults?.(next);
  if (!contentChanged) return { next, contentChanged };
  kind.prepareForUpdate?.(next, old, { nowMs: registry.clock.now(), random: registry.random });
  return { next, contentChanged: true };
}

/** The successor that a write of `/status` asks for: only status and metadata are taken. */
export function statusSuccessor(request: WriteRequest, wanted: Members, old: Members): Successor {
  const next: Members = { ...old, status: wanted.status ?? {} };
  next.metadata = mergedMetadata(wanted.metadata, old.metadata, request.warn);
  return { next, contentChanged: next.status !== old.status };
}

function withMembersOf(wanted: Members, old: Members, kind: KindDefinition): Members {
  const next: Members = { kind: old.kind, apiVersion: old.apiVersion, metadata: old.metadata };
  for (const member in wanted) {
    if (isType(member) || (kind.hasStatus && member === 'status')) continue;
    const value = wanted[member];
    if (value !== undefined && value !== null) next[member] = value;
  }
  if (kind.hasStatus) next.status = old.status;
  return next;
}

function isType(member: string): boolean {
  return member === 'kind' || member === 'apiVersion' || member === 'metadata';
}

function differs(next: Members, old: Members): boolean {
  for (const member in next) if (!isType(member) && next[member] !== old[member]) return true;
  for (const member in old) if (!(member in next)) return true;
  return false;
}

/** Makes what defaulting may fill in writable: parts of new members may be shared with frozen objects. */
function thawNewMembers(next: Members, old: Members): void {
  if (next.metadata === old.metadata || Object.isFrozen(next.metadata)) next.metadata = { ...next.metadata };
  for (const member in next) {
    if (!isType(member) && next[member] !== old[member]) next[member] = mutableCopy(next[member]);
  }
}

/**
 * Puts the stored members back where the new ones mean the same, and the generation up if spec has changed.
 * Afterwards `next` differs from `old` exactly in the members that are not identical.
 */
export function settle(kind: KindDefinition, next: Members, old: Members): Members {
  for (const member in next) {
    if (isType(member) || next[member] === old[member]) continue;
    if (member in old && semanticallyEqual(next[member], old[member])) next[member] = old[member];
  }
  if (next.metadata !== old.metadata && semanticallyEqual(next.metadata, old.metadata)) next.metadata = old.metadata;
  if (kind.hasGeneration && next.spec !== old.spec) {
    next.metadata = { ...next.metadata, generation: (old.metadata.generation ?? 0) + 1 };
  }
  return next;
}

/** True if storing `next` would change nothing. */
export function isUnchanged(next: Members, old: Members): boolean {
  return next.metadata === old.metadata && !differs(next, old);
}
