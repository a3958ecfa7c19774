import { labelSelectorErrors } from '../../api/index.ts';
import type { LabelSelector } from '../../api/index.ts';
import { pathText } from './field-path.ts';
import type { Path, Problems } from './field-path.ts';

/** Upstream: apimachinery `ValidateLabelSelector`. Requirements without key or operator are judged as empty ones. */
export function checkLabelSelector(selector: LabelSelector, path: Path, problems: Problems): void {
  problems.add(labelSelectorErrors(completeSelector(selector), pathText(path)));
}

function completeSelector(selector: LabelSelector): LabelSelector {
  const { matchExpressions } = selector;
  if (matchExpressions === undefined) return selector;
  const complete = matchExpressions.map(({ key, operator, values }) => ({
    key: key ?? '',
    operator: operator ?? '',
    ...(values === undefined ? {} : { values }),
  }));
  return { ...selector, matchExpressions: complete };
}
