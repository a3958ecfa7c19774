import { badRequest } from '../../api/index.ts';
import type { KindDefinition } from '../kind.ts';
import { negotiate, type AnswerForm } from './accept.ts';
import type { Exchange } from './exchange.ts';
import { textOf, type Query } from './query.ts';

/** What each row of a table carries besides its cells. */
export type IncludeObject = 'Metadata' | 'Object' | 'None';

/** How objects of one kind are answered to one request. */
export interface Rendering {
  readonly kind: KindDefinition;
  readonly form: AnswerForm;
  readonly includeObject: IncludeObject;
  readonly nowMs: number;
}

/** @throws ApiError 406 for an Accept header that cannot be met, 400 for an unknown includeObject */
export function renderingOf(kind: KindDefinition, exchange: Exchange, query: Query, nowMs: number): Rendering {
  const form = negotiate(exchange.header('accept'));
  const includeObject = form.as === 'table' ? includeObjectOf(query) : 'Metadata';
  return { kind, form, includeObject, nowMs };
}

function includeObjectOf(query: Query): IncludeObject {
  const text = textOf(query, 'includeObject') ?? 'Metadata';
  if (text === 'Metadata' || text === 'Object' || text === 'None') return text;
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(text)}`);
}
