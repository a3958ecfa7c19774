import { parseInteger, type Requirement } from './label-requirement.ts';
import { labelValueErrors, qualifiedNameErrors } from './names.ts';
import { badRequest } from './status.ts';

type Operator = Requirement['operator'];

const binaryOperators = new Map<string, Operator>([
  ['in', 'in'],
  ['notin', 'notin'],
  ['=', 'in'],
  ['==', 'in'],
  ['!=', 'notin'],
  ['>', 'gt'],
  ['<', 'lt'],
]);

/** A special symbol, the longest first, or a run of anything else. */
const token = /[ \t\r\n]*(==|!=|[=!(),<>]|[^ \t\r\n=!(),<>]+)/y;
const end = '';

/**
 * Parses `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>5` by upstream's grammar (apimachinery `labels.Parse`).
 * @throws ApiError 400 with a text that names the fault
 */
export function parseRequirements(text: string): Requirement[] {
  return new Parser(text).parse();
}

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokensOf(text);
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    if (this.#next === end) return requirements;
    if (!isWord(this.#next) && this.#next !== '!')
      throw badRequest(`found '${this.#next}', expected: !, identifier, or 'end of string'`);
    for (;;) {
      requirements.push(this.#requirement());
      const separator = this.#take();
      if (separator === end) return requirements;
      if (separator !== ',') throw badRequest(`found '${separator}', expected: ',' or 'end of string'`);
      if (!isWord(this.#next) && this.#next !== '!')
        throw badRequest(`found '${this.#next}', expected: identifier after ','`);
    }
  }

  get #next(): string {
    return this.#tokens[this.#at] ?? end;
  }

  #take(): string {
    return this.#tokens[this.#at++] ?? end;
  }

  #requirement(): Requirement {
    const negated = this.#next === '!';
    if (negated) this.#take();
    const key = this.#take();
    if (!isWord(key)) throw unparsable(`found '${key}', expected: identifier`);
    const faults = qualifiedNameErrors(key);
    if (faults.length > 0) throw unparsable(`<nil>: Invalid value: ${JSON.stringify(key)}: ${faults.join('; ')}`);
    if (negated) return { key, operator: '!', values: [] };
    if (this.#next === end || this.#next === ',') return { key, operator: 'exists', values: [] };
    return checked({ key, ...this.#restriction() });
  }

  #restriction(): Omit<Requirement, 'key'> {
    const text = this.#take();
    const operator = binaryOperators.get(text);
    if (operator === undefined) throw unparsable(`found '${text}', expected: in, notin, =, ==, !=, gt, lt`);
    return { operator, values: isWord(text) ? this.#values() : [this.#exactValue()] };
  }

  /** `(a,,b)`: sorted, each once; what is left out is the empty value. */
  #values(): string[] {
    const open = this.#take();
    if (open !== '(') throw unparsable(`found '${open}' expected: '('`);
    if (this.#next !== ')' && this.#next !== ',' && !isWord(this.#next))
      throw unparsable(`found '${this.#next}', expected: ',', ')' or identifier`);
    const values = new Set<string>();
    for (;;) {
      const valued = isWord(this.#next);
      values.add(valued ? this.#take() : '');
      const separator = this.#take();
      if (separator === ')') return [...values].sort();
      if (separator !== ',')
        throw unparsable(`found '${separator}', expected: ${valued ? "',' or ')'" : "',', or identifier"}`);
    }
  }

  #exactValue(): string {
    if (this.#next === end || this.#next === ',') return '';
    const value = this.#take();
    if (!isWord(value)) throw unparsable(`found '${value}', expected: identifier`);
    return value;
  }
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) tokens.push(match[1]!);
  return tokens;
}

/** An identifier, or a word like `in` where an identifier may stand. */
function isWord(text: string): boolean {
  return text !== end && !'=!(),<>'.includes(text[0]!);
}

function checked(requirement: Requirement): Requirement {
  const { key, operator, values } = requirement;
  const [value = ''] = values;
  if ((operator === 'gt' || operator === 'lt') && parseInteger(value) === undefined)
    throw unparsable(
      `values[0]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
    );
  values.forEach((each, index) => {
    const faults = labelValueErrors(each);
    if (faults.length > 0)
      throw unparsable(`values[${index}][${key}]: Invalid value: ${JSON.stringify(each)}: ${faults.join('; ')}`);
  });
  return requirement;
}

function unparsable(detail: string): Error {
  return badRequest(`unable to parse requirement: ${detail}`);
}
