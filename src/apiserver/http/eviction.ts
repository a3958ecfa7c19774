import { badRequest } from '../../api/index.ts';
import { answerStatus } from './answer.ts';
import type { Call, Services } from './call.ts';
import type { Expected } from './decode-body.ts';
import { deleteCallOf, type DeleteBody } from './delete.ts';
import { allOf, writeQueryOf } from './query.ts';
import { refOfTarget, writeRequestOf, type NamedTarget } from './target.ts';
import { readObject } from './write.ts';

const evictionExpected: Expected = {
  kind: 'Eviction',
  apiVersions: ['policy/v1', 'policy/v1beta1'],
  message: 'Eviction',
};

interface EvictionBody {
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly deleteOptions?: DeleteBody | null;
}

/** POST `pods/<name>/eviction`. */
export async function serveEviction(call: Call, target: NamedTarget, services: Services): Promise<void> {
  const query = writeQueryOf(call.query, 'CreateOptions', call.exchange.header('user-agent'));
  const body: EvictionBody = await readObject(call, evictionExpected, query);
  const { name = '', namespace = '' } = body.metadata ?? {};
  if (name !== '' && name !== target.name) throw badRequest('name in URL does not match name in Eviction object');
  if (namespace !== '' && namespace !== target.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  const { options, dryRun } = deleteCallOf(body.deleteOptions ?? {}, { dryRun: allOf(call.query, 'dryRun') });
  const request = writeRequestOf(call, target, { ...query, dryRun });
  await services.operations.evict(request, refOfTarget(target), options);
  answerStatus(call, 201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}
