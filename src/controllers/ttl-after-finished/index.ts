// Deletes finished Jobs when their time is up. Promises: never earlier, and only the Job that was finished, judged by a
// live read. Must not know what Jobs do.
export { createTtlController } from './controller.ts';
