import { badRequest, failure } from '../status.ts';
import { applyOnce, type Application, type Applied } from './apply-once.ts';
import { asWritten } from './as-written.ts';
import { configurationErrors, liveErrors } from './check.ts';
import { applyConflict, conflictsOutside, type Conflict } from './conflicts.ts';
import { lastAppliedFields, withLastApplied } from './last-applied.ts';
import type { Manager } from './managers.ts';
import { managersAfterUpdate, type Writer } from './update-managers.ts';
import { asStructs, isObject, type Json } from './view.ts';

/** The field manager that takes over from client-side apply. */
const kubectlManager = 'kubectl';
/** Owns what an object had that was written by nobody who is known. */
const managerBefore = 'before-first-apply';

/**
 * Server-side apply (apimachinery `managedfields`, structured-merge-diff's `Updater.Apply`): the configuration is merged
 * into the object, and what this manager applied before, does not now, and nobody else owns, goes.
 * @throws ApiError 409 with every field that another manager owns with another value, unless forced; 500, as upstream,
 * for what the schema does not know
 */
export function applyConfiguration(application: Application): Applied {
  const { config, shape, writer } = application;
  const live = asWritten(application.live, shape);
  const managers = application.managers.length > 0 ? application.managers : managersOfUntracked(application, live);
  const problems = configurationErrors(config, shape);
  if (problems !== undefined) throw untyped(config, writer, ['failed to create typed patch object', `: ${problems}`]);
  const faults = liveErrors(live, shape, 'allowed');
  if (faults !== undefined) throw untyped(live, writer, ['failed to create typed live object', `: ${faults}`]);
  const applied = applyUnlessConflict({ ...application, live, managers });
  if (writer.manager !== kubectlManager) return applied;
  const object = withLastApplied(applied.object ?? live, config);
  return object === undefined ? applied : { ...applied, object };
}

function managersOfUntracked({ live, shape, writer }: Application, asStored: Json): readonly Manager[] {
  const faults = liveErrors(asStored, shape, 'allowed');
  if (faults !== undefined) {
    const what = 'failed to create manager for existing fields: failed to convert new object';
    throw untyped(asStored, writer, [what, ` to smd typed: ${faults}`]);
  }
  const change = { before: {}, after: live, shape, view: asStructs };
  return managersAfterUpdate([], change, { ...writer, manager: managerBefore });
}

function applyUnlessConflict(application: Application): Applied {
  const first = applyOnce(application);
  if ('managers' in first) return first;
  const conflicts =
    application.writer.manager === kubectlManager ? withoutOwnPast(application, first.conflicts) : first.conflicts;
  if (conflicts.length > 0) throw applyConflict(conflicts);
  const forced = applyOnce({ ...application, force: true });
  if ('managers' in forced) return forced;
  throw new Error('a forced apply has no conflicts');
}

/** Fields that `kubectl apply` itself set, as they still are, may be taken over from it. */
function withoutOwnPast({ live, shape, writer }: Application, conflicts: readonly Conflict[]): readonly Conflict[] {
  const allowed = lastAppliedFields(live, shape, writer.apiVersion);
  return allowed === undefined ? conflicts : conflictsOutside(conflicts, allowed);
}

/** An answer without a reason, as upstream gives it for what its schema does not know. */
function untyped(object: Json, { apiVersion }: Writer, [what, detail]: readonly [string, string]): Error {
  const { namespace, name } = isObject(object['metadata']) ? object['metadata'] : {};
  const about = `${text(namespace)}/${text(name)}; ${printType(apiVersion, object['kind'])}`;
  return failure({ code: 500, reason: '', message: `${what} (${about})${detail}` });
}

function printType(apiVersion: string, kind: unknown): string {
  return `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${text(kind)}`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** @throws ApiError 400 for a configuration that may not be applied to this kind */
export function checkConfiguration(config: Json, type: { readonly apiVersion: string; readonly kind: string }): void {
  const { apiVersion, kind, metadata } = config;
  if (apiVersion !== type.apiVersion || kind !== type.kind) {
    throw badRequest(`invalid object type: ${printType(text(apiVersion), kind)}`);
  }
  if (isObject(metadata) && Array.isArray(metadata['managedFields'])) {
    throw badRequest('metadata.managedFields must be nil');
  }
}
