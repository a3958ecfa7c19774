import { parseTime, type CronJob, type CronJobStatus, type ObjectReference } from '../../api/index.ts';

/** The status of a CronJob while a sync changes it. */
export class StatusDraft {
  readonly #before: CronJobStatus;
  #active: readonly ObjectReference[];
  #lastScheduleTime: string | undefined;
  #lastSuccessfulTime: string | undefined;
  #isChanged = false;

  constructor({ status }: CronJob) {
    this.#before = status;
    this.#active = status.active ?? [];
    this.#lastScheduleTime = status.lastScheduleTime;
    this.#lastSuccessfulTime = status.lastSuccessfulTime;
  }

  get isChanged(): boolean {
    return this.#isChanged;
  }

  get active(): readonly ObjectReference[] {
    return this.#active;
  }

  isActive(uid: string): boolean {
    return this.#active.some((job) => job.uid === uid);
  }

  drop(uid: string | undefined): void {
    const left = this.#active.filter((job) => job.uid !== uid);
    if (left.length === this.#active.length) return;
    this.#active = left;
    this.#isChanged = true;
  }

  /** The last success never moves back. */
  succeeded(completionTime: string | undefined): void {
    if (completionTime === undefined) return;
    const last = this.#lastSuccessfulTime;
    if (last !== undefined && parseTime(last) >= parseTime(completionTime)) return;
    this.#lastSuccessfulTime = completionTime;
    this.#isChanged = true;
  }

  started(job: ObjectReference, scheduledTime: string): void {
    this.#active = [...this.#active, job];
    this.#lastScheduleTime = scheduledTime;
    this.#isChanged = true;
  }

  finish(): CronJobStatus {
    const { active: _replaced, ...rest } = this.#before;
    return {
      ...rest,
      ...(this.#active.length > 0 && { active: this.#active }),
      ...(this.#lastScheduleTime !== undefined && { lastScheduleTime: this.#lastScheduleTime }),
      ...(this.#lastSuccessfulTime !== undefined && { lastSuccessfulTime: this.#lastSuccessfulTime }),
    };
  }
}
