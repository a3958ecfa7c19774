import type { Pod } from '../api/index.ts';
import type { EventRecorder } from '../controlloop/index.ts';
import type { Admission } from '../runtimes/index.ts';
import type { ContainerView } from './container-view.ts';
import { memoryOf, type PodRecord } from './pod-records.ts';

/**
 * Whether the runtime takes a container. Asked once for a Pod, and once for each container that comes to it later: what
 * they ask for cannot change, so a refusal lasts. What it cannot do quite as asked becomes Events.
 */
export function admitted(pod: Pod, record: PodRecord, view: ContainerView, recorder: EventRecorder): boolean {
  record.admission ??= told(pod, record.runtime.admit(pod), recorder);
  if (record.admission.type === 'refuse') {
    const { reason, message } = record.admission;
    for (const memory of record.containers.values()) memory.waiting ??= { reason, message };
    return false;
  }
  if (view.role !== 'ephemeral') return true;
  const memory = memoryOf(record, view.container.name);
  memory.admission ??= told(pod, record.runtime.admit(onlyWith(pod, view)), recorder);
  if (memory.admission.type === 'accept') return true;
  const { reason, message } = memory.admission;
  memory.waiting = { reason, message };
  return false;
}

function told(pod: Pod, admission: Admission, recorder: EventRecorder): Admission {
  if (admission.type === 'refuse') recorder.event(pod, 'Warning', 'Failed', `Error: ${admission.message}`);
  else for (const { reason, message } of admission.announce) recorder.event(pod, 'Warning', reason, message);
  return admission;
}

function onlyWith(pod: Pod, { container }: ContainerView): Pod {
  return { ...pod, spec: { ...pod.spec, initContainers: [], containers: [container], ephemeralContainers: [] } };
}
