// What every control loop needs. Promises: a key is never worked on twice at once and never forgotten; failures are
// retried with back-off. Must not know any kind.
export type { Controller, ControllerContext } from './controller.ts';
export type { EventOptions, EventRecorder } from './event-recorder.ts';
export { createEventRecorder, type EventRecorderOptions } from './create-event-recorder.ts';
export { createExpectations, type Expectations } from './expectations.ts';
export { Precedence } from './precedence.ts';
export { runController, type RunOptions } from './run-controller.ts';
export { createWorkqueue, type Workqueue, type WorkqueueOptions } from './workqueue.ts';
