import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { loadKubeconfig, type ClusterAccess } from '../client/index.ts';
import { clockPath, defaultDataPath, StartError, type ClockMove, type ClockReading } from '../engine/index.ts';
import { parseOptions, UsageError, type Command } from './command.ts';

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
    const access = readAccess(values, terminal.env);
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

function readAccess(
  values: { readonly kubeconfig?: string | undefined; readonly 'data-dir'?: string | undefined },
  env: NodeJS.ProcessEnv,
): ClusterAccess {
  const directory = values['data-dir'] === undefined ? undefined : `${values['data-dir']}/kubeconfig`;
  const listed = env['KUBECONFIG']?.split(':').find((part) => part !== '');
  const path = values.kubeconfig ?? directory ?? listed ?? `${defaultDataPath(env)}-virtual/kubeconfig`;
  if (!existsSync(path)) throw new UsageError(`${path} does not exist: start \`rondo up --clock virtual\` first`);
  try {
    return loadKubeconfig(readFileSync(path, 'utf8'), { readFile: (file) => readFileSync(file, 'utf8') });
  } catch (error) {
    throw new UsageError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** @throws StartError in one line, UsageError when the server refuses the move */
async function ask(access: ClusterAccess, move: ClockMove | undefined): Promise<ClockReading> {
  const answer = await send(access, move).catch((error: Error) => {
    throw new StartError(`${access.server} cannot be reached: ${error.message}`, { cause: error });
  });
  if (answer.status === 404) throw new StartError(`${access.server} has no virtual clock (rondo up --clock virtual)`);
  if (answer.status === 200) return JSON.parse(answer.text) as ClockReading;
  const { message } = JSON.parse(answer.text) as { readonly message: string };
  if (answer.status === 400) throw new UsageError(message);
  throw new StartError(message);
}

function send(access: ClusterAccess, move: ClockMove | undefined): Promise<{ status: number; text: string }> {
  const { ca, clientCert: cert, clientKey: key, token } = access;
  const body = move === undefined ? '' : JSON.stringify(move);
  return new Promise((resolve, reject) => {
    const sent = request(
      new URL(clockPath, access.server),
      {
        method: move === undefined ? 'GET' : 'POST',
        ...{ ca, cert, key },
        headers: {
          'content-type': 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.once('error', reject);
      },
    );
    sent.once('error', reject);
    sent.end(body);
  });
}
