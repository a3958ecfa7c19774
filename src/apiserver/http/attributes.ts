import { ApiError, parseFieldSelector } from '../../api/index.ts';
import type { Attributes } from '../authorization/index.ts';
import type { ResourcePath } from './path.ts';
import { flagOf, textOf, type Query } from './query.ts';

/** The part of a request that says what it wants. */
export interface Question {
  readonly method: string;
  readonly path: string;
  readonly query: Query;
}

const noPath: ResourcePath = {
  namespace: undefined,
  resource: '',
  name: undefined,
  subresource: undefined,
  watch: false,
};

/** What a request on objects needs permission for, by upstream's grammar (`RequestInfoFactory`). */
export function attributesOf(
  question: Question,
  group: string,
  path: ResourcePath = noPath,
  verb = verbOf(question, path),
): Attributes {
  const { namespace, resource, subresource, name } = path;
  // A namespace is inside itself: whoever may do something in it may be allowed to see it.
  const within = group === '' && resource === 'namespaces' ? name : namespace;
  return {
    verb,
    path: question.path,
    resource: { group, resource, subresource, namespace: within, name: name ?? selectedName(verb, question.query) },
  };
}

function verbOf({ method, query }: Question, { name, watch }: ResourcePath): string {
  switch (method) {
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return name === undefined ? 'deletecollection' : 'delete';
    default:
      if (watch || (name === undefined && flagOf(query, 'watch') === true)) return 'watch';
      return name === undefined ? 'list' : 'get';
  }
}

/** A list or watch of one name counts as a request for that name. */
function selectedName(verb: string, query: Query): string | undefined {
  const selector = verb === 'list' || verb === 'watch' ? textOf(query, 'fieldSelector') : undefined;
  if (selector === undefined) return undefined;
  try {
    const terms = parseFieldSelector(selector);
    return terms.find(({ field, operator }) => field === 'metadata.name' && operator === '=')?.value;
  } catch (error) {
    // What is wrong with it is told to those who may ask.
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}
