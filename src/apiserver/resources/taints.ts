import { labelValueErrors, qualifiedNameErrors } from '../../api/index.ts';
import type { Taint } from '../../api/index.ts';
import { child, item } from './field-path.ts';
import type { Path, Problems } from './field-path.ts';

export const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;

/** Upstream: core validation `validateNodeTaints`. */
export function checkTaints(taints: readonly Taint[], path: Path, problems: Problems): void {
  const seen = new Set<string>();
  for (const [position, taint] of taints.entries()) {
    const at = item(path, position);
    checkTaint(taint, at, problems);
    const identity = `${taint.key ?? ''}\n${taint.effect ?? ''}`;
    if (seen.has(identity)) problems.duplicate(at, taint);
    seen.add(identity);
  }
}

function checkTaint(taint: Taint, path: Path, problems: Problems): void {
  const key = taint.key ?? '';
  const value = taint.value ?? '';
  problems.allInvalid(child(path, 'key'), key, qualifiedNameErrors(key));
  problems.allInvalid(child(path, 'value'), value, value === '' ? [] : labelValueErrors(value));
  const effect = taint.effect ?? '';
  if (effect === '') problems.required(child(path, 'effect'));
  else if (!(taintEffects as readonly string[]).includes(effect)) {
    problems.notSupported(child(path, 'effect'), effect, taintEffects);
  }
}
