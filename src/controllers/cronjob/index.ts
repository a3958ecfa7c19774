// Makes Jobs on a schedule. Promises: one Job per due time at most, whatever crashes when (the name says the time), and
// decisions that are pure (`plan.ts` and the rule files it uses). Must not know what becomes of Jobs.
export { createCronJobController } from './controller.ts';
export { explainTicks, type TickFate, type TickList, type TickQuery } from './ticks/explain.ts';
export { TickBook, type TickBookOptions } from './ticks/tick-book.ts';
