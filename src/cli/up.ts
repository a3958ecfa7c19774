import { resolve } from 'node:path';
import { parseTime } from '../api/index.ts';
import { createLogger, type Level } from '../log/index.ts';
import {
  defaultDataPath,
  isClockInstant,
  openEngine,
  parsePodNetwork,
  runtimeNames,
  ServerTime,
  StartError,
  systemClock,
  type AuditChoice,
  type OpenEngine,
  type PodNetworkChoice,
  type Rootfs,
  type RuntimeName,
} from '../engine/index.ts';
import { givenDataPath, givenEndpoint, parseOptions, UsageError, type Command, type Terminal } from './command.ts';
import { mergeIntoUserKubeconfig } from './kubeconfig.ts';

export const up: Command = {
  summary: 'start the engine and keep it running',
  help: `Usage: rondo up [--data-dir DIR] [--listen HOST:PORT] [--runtime NAME] [--merge-kubeconfig] [--clock virtual[=INSTANT]]

Starts the engine, prints one line when it is ready, and runs until SIGINT or SIGTERM. Containers go on without it and
are found again at the next start.

  --data-dir DIR        where everything is kept (default: $XDG_DATA_HOME/rondo or ~/.local/share/rondo)
  --listen HOST:PORT    where to answer (default: 127.0.0.1:6443, or the next free port; port 0: any free one). Only this
                        option opens it to other machines; what they can reach is then printed
  --runtime NAME        what runs containers: ${runtimeNames.join(', ')} (default: process)
  --rootfs image|host   what containers of the runtime sandbox see: their image (default), or this machine's own files
  --cri-endpoint URL    where the runtime cri finds containerd or CRI-O (default: unix:///run/containerd/containerd.sock
                        or unix:///run/crio/crio.sock)
  --pod-network auto    which network Pods of the runtime sandbox have: auto (default: one address each, in a private
                        network that this machine does not use; where that cannot be, the host's), host, or a
                        network of your own like 10.5.0.0/16
  --merge-kubeconfig    also add the context "rondo" to $KUBECONFIG or ~/.kube/config
  --audit-log PATH|off  where it is written down who did what through the API, one line of JSON (audit.k8s.io/v1, level
                        Metadata) for each request (default: audit.log in the data directory)
  --audit-log-maxsize N, --audit-log-maxbackup N
                        set the file aside before it is larger than N megabytes (default: 100), keep the last N (10)
  --log-level LEVEL     debug, info, warn or error (default: warn)
  --clock virtual       time stands still until you move it with \`rondo clock\`; begins now, or at virtual=INSTANT
                        (2026-03-08T00:00:00Z). Containers are simulated, objects are kept in memory only, and the
                        default data directory is another one (rondo-virtual)

Exit codes: 0 stopped by a signal, 1 could not start or failed, 2 wrong usage.
`,
  run: async (args, terminal) => {
    const options = upOptions(args, terminal);
    const opened = await openEngine(options);
    if (options.merge) await mergeOrStop(opened, terminal);
    const startedMs = Math.round(process.uptime() * 1000);
    terminal.out(`rondo is ready at ${opened.url} (kubeconfig ${opened.kubeconfigPath}, started in ${startedMs} ms)\n`);
    terminal.error(exposure(options.host, opened.url));
    return untilEnd(opened, terminal);
  },
};

/** What others can reach, if the server does not answer on loopback alone. */
export function exposure(host: string, url: string): string {
  if (host === 'localhost' || /^127\.|^::1$|^::ffff:127\./.test(host)) return '';
  const port = new URL(url).port || '443';
  const where = host === '0.0.0.0' || host === '::' ? 'every address of this machine' : host;
  return `warning: the API is open to other machines, on ${where}, port ${port}. Without credentials they get only version
and health (/version, /livez, /readyz, /healthz); with the certificate or the token of the data directory they can run
any command here.
`;
}

/** What the user asked for cannot be had: nothing is left running. */
async function mergeOrStop(opened: OpenEngine, terminal: Terminal): Promise<void> {
  try {
    mergeIntoUserKubeconfig(opened.kubeconfigPath, terminal.env);
  } catch (error) {
    await opened.stop();
    throw error;
  }
}

interface UpOptions {
  readonly dataPath: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly runtime: RuntimeName;
  readonly rootfs: Rootfs | undefined;
  readonly criEndpoint: string | undefined;
  readonly podNetwork: PodNetworkChoice | undefined;
  readonly log: ReturnType<typeof createLogger>;
  readonly time: ServerTime | undefined;
  readonly merge: boolean;
  readonly audit: AuditChoice;
}

function upOptions(args: readonly string[], terminal: Terminal): UpOptions {
  const { values, positionals } = parseOptions(args, {
    'data-dir': { type: 'string' },
    listen: { type: 'string' },
    runtime: { type: 'string' },
    clock: { type: 'string', default: 'system' },
    rootfs: { type: 'string' },
    'cri-endpoint': { type: 'string' },
    'pod-network': { type: 'string' },
    'merge-kubeconfig': { type: 'boolean', default: false },
    'audit-log': { type: 'string' },
    'audit-log-maxsize': { type: 'string', default: '100' },
    'audit-log-maxbackup': { type: 'string', default: '10' },
    'log-level': { type: 'string', default: 'warn' },
  });
  if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
  const time = parseClock(values.clock);
  const runtime = oneOf('--runtime', values.runtime ?? (time === undefined ? 'process' : 'simulated'), runtimeNames);
  if (time !== undefined && runtime !== 'simulated')
    throw new UsageError(`--runtime ${runtime}: real processes do not follow a virtual clock; use simulated`);
  const rootfs = values.rootfs === undefined ? undefined : oneOf<Rootfs>('--rootfs', values.rootfs, ['image', 'host']);
  if (rootfs === 'image' && runtime !== 'sandbox')
    throw new UsageError(`--rootfs image: the runtime ${runtime} has no images; use --runtime sandbox`);
  const level = oneOf<Level>('--log-level', values['log-level'], ['debug', 'info', 'warn', 'error']);
  const log = createLogger({ clock: systemClock, level, write: (line) => terminal.error(`${line}\n`) });
  return {
    dataPath:
      givenDataPath(values['data-dir']) ?? `${defaultDataPath(terminal.env)}${time === undefined ? '' : '-virtual'}`,
    ...parseListen(values.listen),
    runtime,
    rootfs,
    criEndpoint: givenEndpoint(values['cri-endpoint']),
    podNetwork: podNetworkOf(values['pod-network'], runtime),
    log,
    time,
    merge: values['merge-kubeconfig'],
    audit: auditOf(values),
  };
}

interface AuditValues {
  readonly 'audit-log'?: string | undefined;
  readonly 'audit-log-maxsize': string;
  readonly 'audit-log-maxbackup': string;
}

function auditOf(values: AuditValues): AuditChoice {
  const path = values['audit-log'];
  const megabytes = wholeNumber('--audit-log-maxsize', values['audit-log-maxsize'], 1);
  const keep = wholeNumber('--audit-log-maxbackup', values['audit-log-maxbackup'], 0);
  if (path === 'off') return 'off';
  if (path === '') throw new UsageError('--audit-log: must be a path, or off');
  return { ...(path !== undefined && { path: resolve(path) }), limitBytes: megabytes * 1024 * 1024, keep };
}

function wholeNumber(option: string, text: string, least: number): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least)) throw new UsageError(`${option} ${text}: must be a whole number of at least ${least}`);
  return number;
}

function podNetworkOf(text: string | undefined, runtime: RuntimeName): PodNetworkChoice | undefined {
  if (text === undefined) return undefined;
  if (runtime === 'simulated') throw new UsageError(`--pod-network ${text}: simulated containers have no network`);
  const choice = parsePodNetwork(text);
  if (choice === undefined)
    throw new UsageError(`--pod-network ${text}: must be auto, host or a network like 10.5.0.0/16 (/8 to /29)`);
  return choice;
}

function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new UsageError(`${option} ${value}: must be one of ${allowed.join(', ')}`);
  return found;
}

/** `system`, `virtual` or `virtual=INSTANT`. */
function parseClock(text: string): ServerTime | undefined {
  if (text === 'system') return undefined;
  if (text === 'virtual') return new ServerTime(systemClock.now());
  const instantMs = text.startsWith('virtual=') ? parseTime(text.slice('virtual='.length)) : Number.NaN;
  if (Number.isNaN(instantMs))
    throw new UsageError(`--clock ${text}: must be system, virtual or virtual=INSTANT (2026-03-08T00:00:00Z)`);
  if (!isClockInstant(instantMs)) throw new UsageError(`--clock ${text}: the instant must be between 1970 and 9998`);
  return new ServerTime(instantMs);
}

/** `HOST:PORT`, with IPv6 addresses in brackets. */
export function parseListen(text: string | undefined): { host: string; port: number | undefined } {
  if (text === undefined) return { host: '127.0.0.1', port: undefined };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new UsageError(`--listen ${text}: must be HOST:PORT`);
  return { host: (match[1] ?? match[2])!, port };
}

async function untilEnd(opened: OpenEngine, terminal: Terminal): Promise<number> {
  const interrupted = new Promise<'interrupted'>((resolve) => {
    if (terminal.interrupted.aborted) resolve('interrupted');
    terminal.interrupted.addEventListener('abort', () => resolve('interrupted'), { once: true });
  });
  try {
    await Promise.race([interrupted, opened.engine.failed]);
  } catch (error) {
    throw new StartError(`the engine cannot go on: ${(error as Error).message}`, { cause: error });
  }
  await opened.stop();
  return 0;
}
