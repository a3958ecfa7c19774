import { badRequest } from './status.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/**
 * Parses `a=b,c!=d`; `==` is `=`, values may be empty, and `\` takes the meaning from `,`, `=` and `\` (apimachinery
 * `fields.ParseSelector`). Which fields there are is the caller's to know.
 * @throws ApiError 400
 */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  return splitTerms(text)
    .filter((term) => term !== '')
    .map((term) => parseTerm(term, text));
}

/** Splits at commas that no `\` precedes. */
function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === ',') {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

/** The first operator from the left splits the term; the longer one wins. */
function parseTerm(term: string, whole: string): FieldRequirement {
  const operator = /!=|==|=/.exec(term);
  if (operator === null) throw badRequest(`invalid selector: '${whole}'; can't understand '${term}'`);
  const value = unescape(term.slice(operator.index + operator[0].length));
  return { field: term.slice(0, operator.index), operator: operator[0] === '!=' ? '!=' : '=', value };
}

function unescape(value: string): string {
  return value.replace(/\\(.?)|=/gsu, (found, escaped: string | undefined) => {
    if (found === '=') throw badRequest('invalid field selector: unescaped character in value: =');
    if (escaped === ',' || escaped === '=' || escaped === '\\') return escaped;
    throw badRequest(`invalid field selector: invalid escape sequence: ${found}`);
  });
}
