import { isStarted, type ContainerView } from './container-view.ts';
import type { PodPlan } from './pod-plan.ts';
import type { PodRecord } from './pod-records.ts';

/** Everything in a status that can differ between two reports, in short: equal signatures need no second write. */
export function signatureOf(
  { address }: PodRecord,
  { views, plan }: { readonly views: readonly ContainerView[]; readonly plan: PodPlan },
): string {
  const parts = views.map((view) => {
    const exit = view.current?.type === 'exited' ? view.current.exitCode : '';
    const backingOff = plan.backingOff.get(view)?.delayMs ?? '';
    const waiting = view.waiting === undefined ? '' : `${view.waiting.reason} ${view.waiting.message}`;
    const health = `${isStarted(view)} ${view.health?.ready ?? true} ${view.starting}`;
    return `${view.attempt} ${view.current?.type ?? ''} ${exit} ${backingOff} ${health} ${waiting}`;
  });
  return [plan.over, plan.ending?.reason ?? '', address, ...parts].join('\n');
}
