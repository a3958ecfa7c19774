import { isConditionTrue, jobFinishedCondition, parseTime } from '../../../api/index.ts';
import type { FieldError, Job, UncountedTerminatedPods } from '../../../api/index.ts';
import { child, item, Problems, rootPath } from '../field-path.ts';
import type { Path } from '../field-path.ts';
import { checkFieldNotNegative, isUnset, listOf, semanticallyEqual } from '../value-rules.ts';
import type { StatusChange } from './status-change.ts';
import { checkIndexLists } from './index-list-rules.ts';

const statusPath = rootPath('status');
const conditionsPath = child(statusPath, 'conditions');

/** For every writer of `/status`. Upstream: batch validation `ValidateJobStatusUpdate`, strategy `getStatusValidationOptions`. */
export function jobStatusErrors(next: Job, old: Job): readonly FieldError[] {
  const change: StatusChange = { next, old, problems: new Problems() };
  checkCounters(change);
  checkUncounted(next.status.uncountedTerminatedPods, change.problems);
  checkConditions(change);
  checkKeptConditions(change);
  checkTimes(change);
  checkFinished(change);
  checkReady(change);
  checkIndexLists(change);
  return change.problems.errors;
}

function isTrue(job: Job, type: string): boolean {
  return isConditionTrue(job.status.conditions, type);
}

function flipped({ next, old }: StatusChange, type: string): boolean {
  return isTrue(next, type) !== isTrue(old, type);
}

function isFinished(job: Job): boolean {
  return jobFinishedCondition(job) !== undefined;
}

function checkCounters({ next, old, problems }: StatusChange): void {
  for (const field of ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const) {
    checkFieldNotNegative(next.status[field], statusPath, field, problems);
  }
  const { spec, status } = next;
  // Elastic Indexed Jobs lose indexes when they are scaled down, and their successes with them.
  const mayShrink = spec.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  const fixed = mayShrink ? (['failed'] as const) : (['failed', 'succeeded'] as const);
  for (const field of fixed) {
    const value = status[field] ?? 0;
    if (value >= (old.status[field] ?? 0)) continue;
    problems.invalid(child(statusPath, field), value, `cannot decrease the ${field} counter`);
  }
}

function checkUncounted(uncounted: UncountedTerminatedPods | undefined, problems: Problems): void {
  if (uncounted === undefined) return;
  const seen = new Set<string>();
  for (const field of ['succeeded', 'failed'] as const) {
    const path = child(child(statusPath, 'uncountedTerminatedPods'), field);
    for (const [position, uid] of listOf(uncounted[field]).entries()) {
      if (uid === '') problems.invalid(item(path, position), uid, 'must not be empty');
      else if (seen.has(uid)) problems.duplicate(item(path, position), uid);
      seen.add(uid);
    }
  }
}

/** Which conditions may stand together. */
function checkConditions(change: StatusChange): void {
  const { next, problems } = change;
  const reject = (wrong: boolean, detail: string): void => {
    if (wrong) problems.invalidAsWhole(conditionsPath, detail);
  };
  const isComplete = isTrue(next, 'Complete');
  const isFailed = isTrue(next, 'Failed');
  const isMet = isTrue(next, 'SuccessCriteriaMet');
  const isTarget = isTrue(next, 'FailureTarget');
  const completeFlipped = flipped(change, 'Complete');
  const failedFlipped = flipped(change, 'Failed');
  const failedIndexesChanged = next.status.failedIndexes !== change.old.status.failedIndexes;
  if (completeFlipped || failedFlipped) {
    reject(isComplete && isFailed, 'cannot set Complete=True and Failed=true conditions');
  }
  if (completeFlipped || flipped(change, 'FailureTarget')) {
    reject(isComplete && isTarget, 'cannot set Complete=True and FailureTarget=true conditions');
  }
  if (failedFlipped || failedIndexesChanged) {
    reject(isFailed && !isTarget, 'cannot set Failed=True condition without the FailureTarget=true condition');
  }
  if (completeFlipped || flipped(change, 'SuccessCriteriaMet')) {
    reject(isComplete && !isMet, 'cannot set Complete=True condition without the SuccessCriteriaMet=true condition');
  }
  reject(isMet && isFailed, 'cannot set SuccessCriteriaMet=True and Failed=true conditions');
  reject(isMet && isTarget, 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
}

/** Verdicts are final. */
function checkKeptConditions({ next, old, problems }: StatusChange): void {
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    if (isTrue(old, type) && !isTrue(next, type)) {
      problems.invalidAsWhole(conditionsPath, `cannot disable the terminal ${type}=True condition`);
    }
  }
  const wasMet = isTrue(old, 'SuccessCriteriaMet');
  const isMet = isTrue(next, 'SuccessCriteriaMet');
  if (wasMet && !isMet) {
    problems.invalidAsWhole(conditionsPath, 'cannot disable the SuccessCriteriaMet=True condition');
  }
  if (isTrue(old, 'Complete') && !wasMet && isMet) {
    problems.invalidAsWhole(
      conditionsPath,
      'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions',
    );
  }
}

function checkTimes(change: StatusChange): void {
  const { next, old, problems } = change;
  const { startTime, completionTime } = next.status;
  const startChanged = !sameTime(startTime, old.status.startTime);
  const completionChanged = !sameTime(completionTime, old.status.completionTime);
  const path = child(statusPath, 'completionTime');
  const isComplete = isTrue(next, 'Complete');
  if (completionChanged || flipped(change, 'Complete')) {
    if (!isUnset(completionTime) && !isComplete) {
      problems.invalid(path, completionTime, 'cannot set completionTime when there is no Complete=True condition');
    }
    if (isUnset(completionTime) && isComplete) {
      problems.required(path, 'completionTime is required for Complete jobs');
    }
  }
  if ((completionChanged || startChanged) && !isUnset(startTime) && !isUnset(completionTime)) {
    if (parseTime(completionTime) < parseTime(startTime)) {
      problems.invalid(path, completionTime, 'must be equal to or after `startTime`');
    }
  }
  if (completionChanged && !isUnset(completionTime) && !isUnset(old.status.completionTime)) {
    problems.invalid(path, completionTime, 'field is immutable');
  }
  if (startChanged) checkStartTime(change);
}

function sameTime(left: string | undefined, right: string | undefined): boolean {
  return left === right || (isUnset(left) && isUnset(right));
}

/** The clock of a running Job may not be turned back; it starts anew only in the write that resumes the Job. */
function checkStartTime({ next, old, problems }: StatusChange): void {
  if (isUnset(old.status.startTime) || next.spec.suspend === true) return;
  const isResuming = isTrue(old, 'Suspended') && !isTrue(next, 'Suspended');
  if (isResuming) return;
  problems.required(child(statusPath, 'startTime'), 'startTime cannot be removed for unsuspended job');
}

/** Nothing is left to do for a finished Job. */
function checkFinished({ next, old, problems }: StatusChange): void {
  if (!isFinished(next)) return;
  const { spec, status } = next;
  const isNew = !isFinished(old);
  const { active = 0, terminating = 0, uncountedTerminatedPods: uncounted } = status;
  if (active > 0 && (isNew || active !== old.status.active)) {
    problems.invalid(child(statusPath, 'active'), active, 'active>0 is invalid for finished job');
  }
  if (terminating > 0 && (isNew || terminating !== old.status.terminating)) {
    problems.invalid(child(statusPath, 'terminating'), terminating, 'terminating>0 is invalid for finished job');
  }
  const startChanged = !sameTime(status.startTime, old.status.startTime);
  const neverStarts = spec.suspend === true && spec.completions === 0;
  if (isUnset(status.startTime) && (isNew || startChanged) && !neverStarts) {
    problems.required(child(statusPath, 'startTime'), 'startTime is required for finished job');
  }
  const left = listOf(uncounted?.succeeded).length + listOf(uncounted?.failed).length;
  if (left > 0 && (isNew || !semanticallyEqual(uncounted, old.status.uncountedTerminatedPods))) {
    problems.invalid(child(statusPath, 'uncountedTerminatedPods'), uncounted, 'must be empty for finished job');
  }
}

function checkReady({ next, old, problems }: StatusChange): void {
  const { ready, active = 0 } = next.status;
  if (ready === undefined || ready <= active) return;
  if (ready === old.status.ready && active === (old.status.active ?? 0)) return;
  problems.invalid(readyPath, ready, 'cannot set more ready pods than active');
}

const readyPath: Path = child(statusPath, 'ready');
