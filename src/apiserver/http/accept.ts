import { failure } from '../../api/index.ts';

/** How objects are answered. Clients that prefer protobuf always offer JSON too, so there is nothing but JSON. */
export interface AnswerForm {
  readonly as: 'object' | 'table' | 'partial';
  /** The version of meta.k8s.io that was asked for, for tables and partial metadata. */
  readonly version: 'v1' | 'v1beta1';
}

/** One clause of an Accept header: the type and its parameters. */
export interface MediaClause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const plainForm: AnswerForm = { as: 'object', version: 'v1' };
/** Clients use a handful of different Accept headers; this many are remembered. */
const maxRemembered = 500;
const remembered = new Map<string, AnswerForm | undefined>();

/** The form that an Accept header asks for. @throws ApiError 406 if it accepts nothing that can be given. */
export function negotiate(accept: string | undefined): AnswerForm {
  if (accept === undefined || accept === '') return plainForm;
  if (!remembered.has(accept)) {
    if (remembered.size >= maxRemembered) remembered.clear();
    remembered.set(accept, firstForm(parseAccept(accept)));
  }
  const form = remembered.get(accept);
  if (form === undefined) throw notAcceptable();
  return form;
}

/** 406, with upstream's text. */
export function notAcceptable(): Error {
  const message = 'only the following media types are accepted: application/json';
  return failure({ code: 406, reason: 'NotAcceptable', message });
}

/** The clauses of an Accept header, in order of preference; those with q=0 are left out. */
export function parseAccept(accept: string): readonly MediaClause[] {
  const clauses = accept.split(',').map(parseMediaType);
  const quality = (clause: MediaClause): number => Number(clause.parameters.get('q') ?? 1);
  return clauses.filter((clause) => quality(clause) > 0).sort((a, b) => quality(b) - quality(a));
}

/** `type/subtype; key=value; …`, in lower case but for the values. */
export function parseMediaType(text: string): MediaClause {
  const [type = '', ...parameters] = text.split(';');
  const entries = parameters.map((parameter): [string, string] => {
    const equals = parameter.indexOf('=');
    if (equals < 0) return [parameter.trim().toLowerCase(), ''];
    return [
      parameter.slice(0, equals).trim().toLowerCase(),
      parameter
        .slice(equals + 1)
        .trim()
        .replaceAll('"', ''),
    ];
  });
  return { type: type.trim().toLowerCase(), parameters: new Map(entries) };
}

const jsonTypes = new Set(['application/json', 'application/*', '*/*']);

function firstForm(clauses: readonly MediaClause[]): AnswerForm | undefined {
  for (const { type, parameters } of clauses) {
    if (!jsonTypes.has(type)) continue;
    const as = parameters.get('as');
    if (as === undefined) return plainForm;
    const version = parameters.get('v') === 'v1beta1' ? 'v1beta1' : 'v1';
    if (parameters.get('g') !== 'meta.k8s.io') continue;
    if (as === 'Table') return { as: 'table', version };
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { as: 'partial', version };
  }
  return undefined;
}
