import { systemClock, systemRandom, type Clock } from '../clock/index.ts';
import type { Logger } from '../log/index.ts';
import type { Runtime } from '../runtimes/index.ts';
import { StartError } from './data-directory.ts';

/** What speaks with container runtimes; loaded only when somebody asks for it. */
function criTools(): Promise<typeof import('../runtimes/cri/index.ts')> {
  return import('../runtimes/cri/index.ts');
}

export interface CriOptions {
  readonly directory: string;
  /** As the user names it; undefined: the first of the usual ones that is there. */
  readonly endpoint: string | undefined;
  readonly log: Logger;
  readonly clock?: Clock;
}

/**
 * The runtime `cri`, if somebody answers at its endpoint.
 * @throws (rejects) StartError
 */
export async function createCri(options: CriOptions): Promise<Runtime> {
  const { createCriRuntime, criProblem, defaultSockets, findSocket, socketOf } = await criTools();
  const { directory, endpoint, log, clock = systemClock } = options;
  const socket = endpoint === undefined ? findSocket() : socketOf(endpoint);
  if (socket === undefined)
    throw new StartError(
      `--runtime cri: there is neither ${defaultSockets.join(' nor ')}; start containerd or CRI-O, or name its socket ` +
        'with --cri-endpoint unix:///PATH',
    );
  const problem = await criProblem(socket, clock);
  if (problem !== undefined) throw new StartError(`--runtime cri: ${problem}`);
  return createCriRuntime({ dataDir: directory, socket, clock, random: systemRandom, log });
}
