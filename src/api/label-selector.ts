import { fieldError, type FieldError } from './field-error.ts';
import type { LabelSelector } from './generated/types.ts';
import { holds, type Labels, type Requirement } from './label-requirement.ts';
import { parseRequirements } from './label-selector-parser.ts';
import { labelValueErrors, qualifiedNameErrors } from './names.ts';
import { badRequest } from './status.ts';

export type { Labels } from './label-requirement.ts';

/** A compiled label selector: all requirements must hold. */
export interface Selector {
  /** Has no requirement: matches everything. */
  readonly empty: boolean;
  matches(labels: Labels): boolean;
  /** The one value that a label must have, if the selector says so (`k=v`, `k in (v)`): for look-ups in an index. */
  exactValue(key: string): string | undefined;
  readonly keysWithExactValue: readonly string[];
}

/** Compiles requirements. */
function compile(requirements: readonly Requirement[]): Selector {
  const exact = new Map<string, string>();
  for (const { key, operator, values } of requirements)
    if (operator === 'in' && values.length === 1) exact.set(key, values[0]!);
  return {
    empty: requirements.length === 0,
    matches: (labels) => requirements.every((requirement) => holds(requirement, labels)),
    exactValue: (key) => exact.get(key),
    keysWithExactValue: [...exact.keys()],
  };
}

/**
 * Parses the query form: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>5`. `!=` and `notin` match absence too.
 * @throws ApiError 400 with upstream's text
 */
export function parseLabelSelector(text: string): Selector {
  return compile(parseRequirements(text));
}

const operators = new Map<string, Requirement['operator']>([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
]);

/** Compiles the object form. An empty selector matches everything; what an absent one means is the caller's to say. */
export function labelSelectorToSelector(selector: LabelSelector): Selector {
  const equalities = Object.entries(selector.matchLabels ?? {}).map(([key, value]): Requirement => ({
    key,
    operator: 'in',
    values: [value],
  }));
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values }): Requirement => {
    const known = operators.get(operator);
    if (known === undefined) throw badRequest(`"${operator}" is not a valid label selector operator`);
    return { key, operator: known, values: values ?? [] };
  });
  return compile([...equalities, ...expressions]);
}

/** Faults of the object form, with upstream's paths and texts (apimachinery `ValidateLabelSelector`). */
export function labelSelectorErrors(selector: LabelSelector, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    for (const text of qualifiedNameErrors(key)) errors.push(fieldError.invalid(`${path}.matchLabels`, key, text));
    for (const text of labelValueErrors(value)) errors.push(fieldError.invalid(`${path}.matchLabels`, value, text));
  }
  (selector.matchExpressions ?? []).forEach(({ key, operator, values = [] }, index) => {
    const at = `${path}.matchExpressions[${index}]`;
    const takesValues = operator === 'In' || operator === 'NotIn';
    if (!operators.has(operator))
      errors.push(fieldError.invalid(`${at}.operator`, operator, 'not a valid selector operator'));
    else if (takesValues && values.length === 0)
      errors.push(fieldError.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    else if (!takesValues && values.length > 0)
      errors.push(
        fieldError.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      );
    for (const text of qualifiedNameErrors(key ?? '')) errors.push(fieldError.invalid(`${at}.key`, key, text));
    values.forEach((value, i) => {
      for (const text of labelValueErrors(value)) errors.push(fieldError.invalid(`${at}.values[${i}]`, value, text));
    });
  });
  return errors;
}

/** The object form as kubectl prints it: `a=b,c in (d,e)`; `<none>` when empty. */
export function formatSelector(selector: LabelSelector): string {
  const labels = selector.matchLabels ?? {};
  const parts = Object.keys(labels).map((key) => ({ key, text: `${key}=${labels[key]}` }));
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const list = `(${[...values].sort().join(',')})`;
    const text = { In: `${key} in ${list}`, NotIn: `${key} notin ${list}`, Exists: key, DoesNotExist: `!${key}` }[
      operator
    ];
    parts.push({ key, text: text ?? key });
  }
  if (parts.length === 0) return '<none>';
  return parts
    .sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)))
    .map(({ text }) => text)
    .join(',');
}
