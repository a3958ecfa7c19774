import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Clock, Random } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import type { Runtime } from '../runtime.ts';
import {
  findStarter,
  hasOwn,
  layoutOf,
  machineCapabilities,
  privilegesOf,
  setprivWords,
  starterRequest,
  startText,
  WrappedRuntime,
  type ExecPlan,
  type RuntimeStyle,
} from '../wrapped/index.ts';
import { admitPod, type Abilities } from './admission.ts';
import { identityIn } from './identity.ts';
import { planStart } from './plan-start.ts';
import { probeAbilities } from './probe-abilities.ts';

export interface ProcessRuntimeOptions {
  /** Belongs to this runtime alone; made with mode 0700. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** For tests: the ways of a poorer machine. */
  readonly limits?: { readonly starter?: 'shell' | 'setsid'; readonly mounts?: Abilities['mounts'] };
}

/** Runs containers as plain processes on the host's own files: no images, no isolation, nothing needed but a shell. */
export function createProcessRuntime(options: ProcessRuntimeOptions): Runtime {
  const { dataDir, clock, log, limits } = options;
  return new WrappedRuntime({ dataDir, clock, log, style: processStyle(resolve(dataDir), limits) });
}

/** Beside the main process: in its mount namespace, if its volumes gave it one, and with no more privileges. */
function planExec(pid: number, command: readonly string[]): ExecPlan {
  const inner = [...setprivWords(privilegesOf(pid), privilegesOf(process.pid)), ...command];
  const [first = '', ...rest] = inner;
  if (!hasOwn(pid, 'mnt')) return { words: [first, ...rest], cwd: `/proc/${pid}/cwd` };
  const user = hasOwn(pid, 'user') ? ['--user', '--preserve-credentials'] : [];
  return { words: ['nsenter', `--target=${pid}`, ...user, '--mount', '--root', '--wd', '--', ...inner] };
}

function processStyle(dataDir: string, limits: ProcessRuntimeOptions['limits']): RuntimeStyle {
  const layout = layoutOf(dataDir);
  const home = homedir();
  let abilities: Abilities | undefined;
  let starter: string | undefined;
  const known = (): Abilities => {
    if (abilities === undefined) throw new Error('the process runtime was not probed');
    return abilities;
  };
  return {
    name: 'process',
    capabilities: machineCapabilities(),
    shell: limits?.starter === 'setsid' ? 'setsid' : undefined,
    starterPath: () => starter,
    reach: 'marked',
    probe: async () => {
      abilities = await probeAbilities(layout.root, limits?.mounts);
      starter = limits?.starter === undefined ? await findStarter() : undefined;
      return { mounts: abilities.mounts };
    },
    admit: (pod) => admitPod(pod, known()),
    identityOf: (pod) => identityIn(pod, known()),
    plan: (request, startedAtMs) => {
      const encode = starter === undefined ? startText : starterRequest;
      return planStart({ request, layout, abilities: known(), home, startedAtMs, encode });
    },
    exec: (_, pid, command) => planExec(pid, command),
    stopSignal: () => 'SIGTERM',
    kindOf: ({ kind }) => kind,
    // Everything of a process lies in the files of its Pod.
    preparePod: () => Promise.resolve([]),
    release: () => undefined,
    removePod: () => Promise.resolve(),
    adopt: () => Promise.resolve(),
  };
}
