import { fieldError, type FieldError, type Status } from '../../api/index.ts';
import type { PropagationPolicy } from '../../client/index.ts';
import type { DeleteCall, Deleted } from '../operations.ts';
import { answerJson, answerStatus, maxBodyBytes } from './answer.ts';
import type { Call, Services } from './call.ts';
import { decodeBody, type Expected } from './decode-body.ts';
import {
  allOf,
  checkedListQueryOf,
  dryRunErrors,
  flagOf,
  integerOf,
  invalidOptions,
  textOf,
  type WriteQuery,
} from './query.ts';
import { renderList, renderObject } from './render.ts';
import { renderingOf, type Rendering } from './rendering.ts';
import { sendPieces } from './send-pieces.ts';
import { refOfTarget, writeRequestOf, type NamedTarget, type Target } from './target.ts';

export async function serveDelete(call: Call, target: NamedTarget, services: Services): Promise<void> {
  const rendering = renderingOf(target.kind, call.exchange, call.query, services.clock.now());
  const { options, query } = await deleteOptionsOf(call, target);
  const request = writeRequestOf(call, target, query);
  const deleted = await services.operations.delete(request, refOfTarget(target), options);
  answerDeleted(call, target, deleted, rendering);
}

export async function serveDeleteCollection(call: Call, target: Target, services: Services): Promise<void> {
  const rendering = renderingOf(target.kind, call.exchange, call.query, services.clock.now());
  const { options, query } = await deleteOptionsOf(call, target);
  const request = writeRequestOf(call, target, query);
  const list = await services.operations.deleteCollection(request, checkedListQueryOf(call.query), options);
  await sendPieces(call, renderList(list, rendering), services.clock);
}

function answerDeleted(call: Call, target: NamedTarget, deleted: Deleted, rendering: Rendering): void {
  const { kind } = target;
  if (!deleted.removed || kind.deletion?.answersObject === true) {
    answerJson(call, 200, renderObject(deleted.stored, rendering));
    return;
  }
  const { group, resource } = kind.resource;
  const uid = deleted.stored.object.metadata.uid;
  const status: Status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: target.name,
      ...(group === '' ? {} : { group }),
      kind: resource,
      ...(uid === undefined ? {} : { uid }),
    },
  };
  answerStatus(call, 200, status);
}

/** A DeleteOptions body as it was decoded. */
export interface DeleteBody {
  readonly gracePeriodSeconds?: number | null;
  readonly propagationPolicy?: string | null;
  readonly orphanDependents?: boolean | null;
  readonly dryRun?: readonly string[] | null;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } | null;
}

/** Options come in the body or as parameters; the body wins. @throws ApiError 400, 413, 415, 422 */
async function deleteOptionsOf(call: Call, target: Target): Promise<{ options: DeleteCall; query: WriteQuery }> {
  const body = await readDeleteBody(call, target);
  const { options, dryRun } = deleteCallOf(body, {
    dryRun: allOf(call.query, 'dryRun'),
    gracePeriodSeconds: integerOf(call.query, 'gracePeriodSeconds'),
    orphanDependents: flagOf(call.query, 'orphanDependents'),
    propagationPolicy: textOf(call.query, 'propagationPolicy'),
  });
  return { options, query: { dryRun, fieldManager: '', fieldValidation: 'Ignore' } };
}

/** What of the options can also come as a parameter of the URL. */
interface DeleteParameters {
  readonly dryRun: readonly string[];
  readonly gracePeriodSeconds?: number | undefined;
  readonly orphanDependents?: boolean | undefined;
  readonly propagationPolicy?: string | undefined;
}

/** The options that a body and parameters ask for together. @throws ApiError 422 */
export function deleteCallOf(
  body: DeleteBody,
  parameters: DeleteParameters,
): { readonly options: DeleteCall; readonly dryRun: boolean } {
  const dryRun = body.dryRun ?? parameters.dryRun;
  const gracePeriodSeconds = body.gracePeriodSeconds ?? parameters.gracePeriodSeconds;
  const orphanDependents = body.orphanDependents ?? parameters.orphanDependents;
  const propagationPolicy = body.propagationPolicy ?? parameters.propagationPolicy;
  const errors = [...dryRunErrors(dryRun), ...propagationErrors(propagationPolicy, orphanDependents)];
  if (errors.length > 0) throw invalidOptions('DeleteOptions', errors);
  return {
    options: {
      ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
      ...(orphanDependents === undefined ? {} : { orphanDependents }),
      ...(propagationPolicy === undefined ? {} : { propagationPolicy: propagationPolicy as PropagationPolicy }),
      ...(body.preconditions == null ? {} : { preconditions: body.preconditions }),
    },
    dryRun: dryRun.length > 0,
  };
}

async function readDeleteBody(call: Call, target: Target): Promise<DeleteBody> {
  const body = await call.exchange.readBody(maxBodyBytes);
  if (body.length === 0) return {};
  const { group, version } = target.kind.resource;
  const expected: Expected = {
    kind: 'DeleteOptions',
    apiVersions: ['v1', 'meta.k8s.io/v1', `${group}/${version}`],
    message: 'DeleteOptions',
  };
  const contentType = call.exchange.header('content-type');
  return decodeBody(body, expected, { contentType, fieldValidation: 'Ignore', warn: () => undefined });
}

const policies = ['Background', 'Foreground', 'Orphan'];

function propagationErrors(policy: string | undefined, orphanDependents: boolean | undefined): FieldError[] {
  if (policy !== undefined && orphanDependents !== undefined) {
    const detail = 'orphanDependents and deletionPropagation cannot be both set';
    return [fieldError.invalid('propagationPolicy', policy, detail)];
  }
  if (policy === undefined || policies.includes(policy)) return [];
  return [fieldError.notSupported('propagationPolicy', policy, [...policies, 'nil'])];
}
