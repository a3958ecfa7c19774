import type { ClusterAccess } from '../client/index.ts';
import { clockPath, StartError, type ClockMove, type ClockReading } from '../engine/index.ts';
import { parseOptions, UsageError, type Command } from './command.ts';
import { askEngine, engineAccess, readAnswer } from './engine-access.ts';

export const clock: Command = {
  summary: 'show or move the time of an engine with a virtual clock',
  help: `Usage: rondo clock [show]
       rondo clock advance DURATION      let time pass: 90s, 24h, 1d12h
       rondo clock advance --to INSTANT  let time pass up to an instant
       rondo clock set INSTANT           step the wall clock, as NTP does: no time passes, no timer fires

Works on an engine that was started with \`rondo up --clock virtual\`. Advancing fires every timer on the way at its own
instant, and comes back when everything that follows has settled.

  --kubeconfig FILE  how to reach the engine (default: what $KUBECONFIG names, else the data directory's)
  --data-dir DIR     the engine's data directory (default: $XDG_DATA_HOME/rondo-virtual or ~/.local/share/rondo-virtual)
  -o json            print the whole answer

Exit codes: 0 done, 1 the engine could not be reached or has no virtual clock, 2 wrong usage.
`,
  run: async (args, terminal) => {
    const { values, positionals } = parseOptions(args, {
      kubeconfig: { type: 'string' },
      'data-dir': { type: 'string' },
      to: { type: 'string' },
      output: { type: 'string', short: 'o' },
    });
    if (values.output !== undefined && values.output !== 'json') throw new UsageError('-o must be json');
    const move = moveOf(positionals, values.to);
    const access = engineAccess(values, terminal.env, { directory: 'rondo-virtual', hint: 'rondo up --clock virtual' });
    const reading = await ask(access, move);
    terminal.out(values.output === 'json' ? `${JSON.stringify(reading)}\n` : `${reading.now}\n`);
    return 0;
  },
};

/** Undefined: only look. */
function moveOf(words: readonly string[], to: string | undefined): ClockMove | undefined {
  const [verb = 'show', value, ...rest] = words;
  if (rest.length > 0) throw new UsageError(`unexpected argument "${rest[0]}"`);
  if (to !== undefined && (verb !== 'advance' || value !== undefined))
    throw new UsageError('--to goes with `rondo clock advance` and no duration');
  switch (verb) {
    case 'show':
      if (value !== undefined) throw new UsageError(`unexpected argument "${value}"`);
      return undefined;
    case 'advance':
      if (to !== undefined) return { advanceTo: to };
      if (value === undefined) throw new UsageError('say how long: rondo clock advance 24h');
      return { advance: value };
    case 'set':
      if (value === undefined) throw new UsageError('say when: rondo clock set 2026-03-08T06:00:00Z');
      return { set: value };
    default:
      throw new UsageError(`unknown verb "${verb}": show, advance or set`);
  }
}

/** @throws StartError in one line, UsageError when the server refuses the move */
async function ask(access: ClusterAccess, move: ClockMove | undefined): Promise<ClockReading> {
  const request = move === undefined ? { path: clockPath } : { path: clockPath, method: 'POST', body: move };
  const answer = await askEngine(access, request);
  if (answer.status === 404) throw new StartError(`${access.server} has no virtual clock (rondo up --clock virtual)`);
  return readAnswer<ClockReading>(answer);
}
