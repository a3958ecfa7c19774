import { StartError } from '../engine/index.ts';
import { UsageError, type Command, type Terminal } from './command.ts';

/** Commands are loaded only when they are asked for: `rondo version` need not load an engine. */
const commands: Record<string, () => Promise<Command>> = {
  up: async () => (await import('./up.ts')).up,
  run: async () => (await import('./run.ts')).run,
  preview: async () => (await import('./preview.ts')).preview,
  test: async () => (await import('./test.ts')).test,
  explain: async () => (await import('./explain.ts')).explain,
  rerun: async () => (await import('./rerun.ts')).rerun,
  status: async () => (await import('./status.ts')).status,
  backup: async () => (await import('./backup.ts')).backup,
  restore: async () => (await import('./restore.ts')).restore,
  image: async () => (await import('./image.ts')).image,
  clock: async () => (await import('./clock.ts')).clock,
  user: async () => (await import('./user.ts')).user,
  kubeconfig: async () => (await import('./kubeconfig.ts')).kubeconfig,
  version: async () => (await import('./version.ts')).version,
};

/** Runs one command line (without node and script). Resolves to the exit code: 2 for what the user got wrong. */
export async function main(args: readonly string[]): Promise<number> {
  const terminal = systemTerminal();
  // `rondo help up` is `rondo up --help`.
  const [name, ...rest] = args[0] === 'help' && args[1] !== undefined ? [args[1], '--help'] : args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    terminal.out(await overview());
    return name === undefined ? 2 : 0;
  }
  const load = find(name === '--version' ? 'version' : name);
  if (load === undefined) {
    terminal.error(`rondo: unknown command "${name}"; see rondo --help\n`);
    return 2;
  }
  const command = await load();
  if (rest.includes('--help') || rest.includes('-h')) {
    terminal.out(command.help);
    return 0;
  }
  try {
    return await command.run(rest, terminal);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof StartError || isOfTheMachine(error))) throw error;
    terminal.error(`rondo ${name}: ${error.message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

/** A file system that is full or closed to us is no bug: its message names what and where, and no stack would help. */
function isOfTheMachine(error: unknown): error is Error {
  return error instanceof Error && (error as NodeJS.ErrnoException).syscall !== undefined;
}

/** Own names only: `rondo constructor` is no command. */
function find(name: string): (() => Promise<Command>) | undefined {
  return Object.hasOwn(commands, name) ? commands[name] : undefined;
}

async function overview(): Promise<string> {
  const lines = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => `  ${name.padEnd(11)} ${(await load()).summary}\n`),
  );
  return `Rondo: the Kubernetes batch API as one small program.\n\nUsage: rondo COMMAND [OPTIONS]\n\n${lines.join('')}\nrondo COMMAND --help tells more.\n`;
}

function systemTerminal(): Terminal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosed);
  return {
    out: (text) => void process.stdout.write(text),
    error: (text) => void process.stderr.write(text),
    env: process.env,
    interrupted: controller.signal,
  };
}

/** Nobody reads any more (`rondo run … | head`): the work goes on and its exit code counts. */
function ignoreClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
