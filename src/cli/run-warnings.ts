import type { EngineOptions } from '../engine/index.ts';
import type { Terminal } from './command.ts';

/** Told from the container's waiting state, with the same words. */
const toldElsewhere = new Set(['BackOff', 'Failed']);

/**
 * An engine of `rondo run` has no server that somebody could ask for Events: warnings (no node has room, what the
 * runtime does not honour) go to the terminal, each once, however many Pods it is about.
 */
export function warningsTo(terminal: Terminal): NonNullable<EngineOptions['recorderFor']> {
  const told = new Set<string>();
  return () => ({
    event: ({ kind, metadata }, type, reason, message) => {
      if (type !== 'Warning' || toldElsewhere.has(reason)) return;
      // What ends a Job is told with its end.
      if (kind === 'Job' && reason !== 'FailedCreate') return;
      const text = `${reason}: ${message}`;
      if (told.has(text)) return;
      told.add(text);
      terminal.error(`[${metadata.name}] ${text}\n`);
    },
  });
}
