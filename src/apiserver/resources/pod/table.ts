import { isConditionTrue, isSidecar, parseTime } from '../../../api/index.ts';
import type { Container, ContainerStateTerminated, ContainerStatus, Pod } from '../../../api/index.ts';
import type { KindTable, TableCell } from '../../kind.ts';
import { age, ageColumn, column, nameColumn, orNone, since, wideColumn } from '../table-columns.ts';
import { isUnset, listOf } from '../value-rules.ts';

/** What the containers' statuses add up to. */
interface Summary {
  reason: string;
  ready: number;
  restarts: number;
  lastRestart: string | undefined;
}

/** Upstream: printers `printPod`. */
function summarize(pod: Pod): Summary {
  const summary = { reason: startReason(pod), ready: 0, restarts: 0, lastRestart: undefined };
  const sidecars = { ...summary };
  const isInitializing = addInitContainers(pod, summary, sidecars);
  if (!isInitializing || isConditionTrue(pod.status.conditions, 'Initialized')) {
    // Restarts of init containers stop to count once they are through; those of sidecars go on.
    summary.restarts = sidecars.restarts;
    summary.lastRestart = sidecars.lastRestart;
    addContainers(pod, summary);
  }
  if (!isUnset(pod.metadata.deletionTimestamp)) summary.reason = deletedReason(pod, summary.reason);
  return summary;
}

function startReason(pod: Pod): string {
  const isGated = listOf(pod.status.conditions).some(
    (condition) => condition.type === 'PodScheduled' && condition.reason === 'SchedulingGated',
  );
  if (isGated) return 'SchedulingGated';
  return isUnset(pod.status.reason) ? (pod.status.phase ?? '') : pod.status.reason;
}

function deletedReason(pod: Pod, reason: string): string {
  if (pod.status.reason === 'NodeLost') return 'Unknown';
  return pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed' ? reason : 'Terminating';
}

function countRestarts(status: ContainerStatus, summary: Summary): void {
  summary.restarts += status.restartCount ?? 0;
  const finishedAt = status.lastState?.terminated?.finishedAt;
  if (isUnset(finishedAt)) return;
  if (summary.lastRestart === undefined || parseTime(finishedAt) > parseTime(summary.lastRestart)) {
    summary.lastRestart = finishedAt;
  }
}

/** Goes to the first init container that is not through; true if there is one. */
function addInitContainers(pod: Pod, summary: Summary, sidecars: Summary): boolean {
  const specs = new Map(
    listOf(pod.spec.initContainers).map((container): [string, Container] => [container.name, container]),
  );
  for (const [position, status] of listOf(pod.status.initContainerStatuses).entries()) {
    const spec = specs.get(status.name);
    const isSide = spec !== undefined && isSidecar(spec);
    countRestarts(status, summary);
    if (isSide) countRestarts(status, sidecars);
    if (status.state?.terminated?.exitCode === 0) continue;
    if (isSide && status.started === true) {
      if (status.ready) summary.ready++;
      continue;
    }
    summary.reason = initReason(status, position, specs.size);
    return true;
  }
  return false;
}

function initReason(status: ContainerStatus, position: number, total: number): string {
  const { terminated, waiting } = status.state ?? {};
  if (terminated !== undefined) return `Init:${terminatedReason(terminated)}`;
  const reason = waiting?.reason ?? '';
  return reason !== '' && reason !== 'PodInitializing' ? `Init:${reason}` : `Init:${position}/${total}`;
}

function terminatedReason(terminated: ContainerStateTerminated): string {
  if (!isUnset(terminated.reason)) return terminated.reason;
  const signal = terminated.signal ?? 0;
  return signal === 0 ? `ExitCode:${terminated.exitCode ?? 0}` : `Signal:${signal}`;
}

/** The first container that has something to say wins: they are looked at from the last to the first. */
function addContainers(pod: Pod, summary: Summary): void {
  let hasRunning = false;
  for (const status of listOf(pod.status.containerStatuses).toReversed()) {
    countRestarts(status, summary);
    const { waiting, terminated, running } = status.state ?? {};
    const waitingReason = waiting?.reason;
    if (!isUnset(waitingReason)) summary.reason = waitingReason;
    else if (terminated !== undefined) summary.reason = terminatedReason(terminated);
    else if (status.ready && running !== undefined) {
      hasRunning = true;
      summary.ready++;
    }
  }
  if (summary.reason === 'Completed' && hasRunning) {
    summary.reason = isConditionTrue(pod.status.conditions, 'Ready') ? 'Running' : 'NotReady';
  }
}

function restartsText(summary: Summary, nowMs: number): string {
  const { restarts, lastRestart } = summary;
  return restarts === 0 || lastRestart === undefined ? `${restarts}` : `${restarts} (${since(lastRestart, nowMs)} ago)`;
}

function readinessGatesText(pod: Pod): string {
  const gates = listOf(pod.spec.readinessGates);
  if (gates.length === 0) return '<none>';
  const passed = gates.filter((gate) => isConditionTrue(pod.status.conditions, gate.conditionType));
  return `${passed.length}/${gates.length}`;
}

function cells(pod: Pod, nowMs: number): readonly TableCell[] {
  const summary = summarize(pod);
  const total = listOf(pod.spec.containers).length + listOf(pod.spec.initContainers).filter(isSidecar).length;
  return [
    pod.metadata.name,
    `${summary.ready}/${total}`,
    summary.reason,
    restartsText(summary, nowMs),
    age(pod, nowMs),
    orNone(pod.status.podIPs?.[0]?.ip ?? pod.status.podIP),
    orNone(pod.spec.nodeName),
    orNone(pod.status.nominatedNodeName),
    readinessGatesText(pod),
  ];
}

/** kubectl leaves finished pods out where it is asked to. */
function rowConditions(pod: Pod): readonly Readonly<Record<string, string>>[] {
  const { phase } = pod.status;
  if (phase === 'Succeeded') return [completed(phase, 'The pod has completed successfully.')];
  if (phase === 'Failed') return [completed(phase, 'The pod failed.')];
  return [];
}

function completed(reason: string, message: string): Readonly<Record<string, string>> {
  return { type: 'Completed', status: 'True', reason, message };
}

export const podTable: KindTable<Pod> = {
  columns: [
    nameColumn,
    column('Ready', 'Containers that are ready, of all.'),
    column('Status', 'What the containers do, as one word.'),
    column('Restarts', 'How often containers were restarted, and when last.'),
    ageColumn,
    wideColumn('IP', 'Address of the pod.'),
    wideColumn('Node', 'Where the pod runs.'),
    wideColumn('Nominated Node', 'Where room is being made for the pod.'),
    wideColumn('Readiness Gates', 'Readiness gates that are passed, of all.'),
  ],
  cells,
  conditions: rowConditions,
};
