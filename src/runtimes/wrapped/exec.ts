import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import type { Writable } from 'node:stream';
import { RuntimeError, type ExecSession } from '../runtime.ts';

/** How a command gets into a container: a command line on the host, that ends in the command itself. */
export interface ExecPlan {
  readonly words: readonly [string, ...string[]];
  readonly cwd?: string;
}

/** What a process may do, as the kernel tells it. */
export interface ProcessPrivileges {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Bounding set, as a hexadecimal mask. */
  readonly capabilities: string;
  readonly noNewPrivileges: boolean;
  readonly seccomp: boolean;
}

/** Runs a command beside the main process `pid` of a container, with its environment. */
export function execBeside(pid: number, plan: ExecPlan): ExecSession {
  const [program, ...args] = plan.words;
  const options = { cwd: plan.cwd ?? '/', env: environmentOf(pid), detached: true } as const;
  return sessionOf(spawn(program, args, { ...options, stdio: 'pipe' }));
}

/** The same on a terminal, which the program `terminal` makes (starter/rondo-terminal.c). */
export function execOnTerminal(pid: number, plan: ExecPlan, terminal: string): ExecSession {
  const env = { TERM: 'xterm', ...environmentOf(pid) };
  const options = { cwd: plan.cwd ?? '/', env, detached: true } as const;
  const child = spawn(terminal, plan.words, { ...options, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
  const sizes = child.stdio[3] as Writable;
  sizes.on('error', ignoreBrokenPipe);
  return { ...sessionOf(child), resize: (columns, rows) => void sizes.write(`${columns} ${rows}\n`) };
}

function sessionOf(child: ChildProcessWithoutNullStreams): ExecSession {
  const exitCode = new Promise<number>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new RuntimeError('ExecError', `the command cannot be executed: ${error.message}`, { cause: error })),
    );
    child.once('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  });
  // Whoever asks for the exit code hears of it; a session that is dropped must not end the engine.
  exitCode.catch(() => undefined);
  child.stdin.on('error', ignoreBrokenPipe);
  const kill = (): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  };
  return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exitCode, kill };
}

/** The command does not read its input (any more): no matter. */
function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') throw error;
}

/** @throws RuntimeError if the process is gone */
export function privilegesOf(pid: number): ProcessPrivileges {
  const status = new Map(
    readProc(pid, 'status')
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as const),
  );
  const first = (name: string): number => Number((status.get(name) ?? '0').split(/\s+/)[0]);
  return {
    uid: first('Uid'),
    gid: first('Gid'),
    groups: (status.get('Groups') ?? '').split(/\s+/).filter(Boolean).map(Number),
    capabilities: status.get('CapBnd') ?? '0',
    noNewPrivileges: status.get('NoNewPrivs') === '1',
    seccomp: first('Seccomp') > 0,
  };
}

/** The words of setpriv(1) that make a process no mightier than these privileges. */
export function setprivWords(privileges: ProcessPrivileges, own: ProcessPrivileges): readonly string[] {
  const words: string[] = [];
  if (privileges.capabilities !== own.capabilities) {
    const kept = BigInt(`0x${privileges.capabilities}`);
    const names = Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => (kept >> BigInt(bit)) & 1n);
    words.push(`--bounding-set=${['-all', ...names.map((bit) => `+cap_${bit}`)].join(',')}`, '--inh-caps=-all');
  }
  if (privileges.uid !== own.uid) words.push(`--reuid=${privileges.uid}`);
  if (privileges.gid !== own.gid) words.push(`--regid=${privileges.gid}`);
  if (privileges.groups.join() !== own.groups.join())
    words.push(privileges.groups.length === 0 ? '--clear-groups' : `--groups=${privileges.groups.join()}`);
  if (privileges.noNewPrivileges && !own.noNewPrivileges) words.push('--no-new-privs');
  return words.length === 0 ? [] : ['setpriv', ...words];
}

/** Whether a process has another one of these namespaces than we have. */
export function hasOwn(pid: number, namespace: 'mnt' | 'user'): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/${namespace}`) !== readlinkSync(`/proc/self/ns/${namespace}`);
  } catch (error) {
    throw ended(error);
  }
}

function environmentOf(pid: number): Record<string, string> {
  const entries = readProc(pid, 'environ')
    .split('\0')
    .filter((entry) => entry.includes('='));
  return Object.fromEntries(
    entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    throw ended(error);
  }
}

function ended(cause: unknown): RuntimeError {
  return new RuntimeError('ContainerNotRunning', 'the container is not running', { cause });
}
