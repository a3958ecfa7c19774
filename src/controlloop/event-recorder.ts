import type { KubeObject } from '../api/index.ts';

export interface EventRecorder {
  /**
   * Records an event about an object. Never throws and never waits: events are best effort, as upstream. Identical
   * events raise `count`; too many similar ones are combined; beyond the queue they are dropped, counted and logged.
   */
  event(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, options?: EventOptions): void;
}

export interface EventOptions {
  /** For instance `spec.containers{main}`. */
  readonly fieldPath?: string;
}
