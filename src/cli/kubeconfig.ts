import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { mergeKubeconfig } from '../client/index.ts';
import { defaultDataPath, StartError } from '../engine/index.ts';
import { givenDataPath, parseOptions, UsageError, type Command } from './command.ts';

export const kubeconfig: Command = {
  summary: 'print the kubeconfig of the engine in a data directory',
  help: `Usage: rondo kubeconfig [--data-dir DIR] [--path | --merge]

Prints the kubeconfig that \`rondo up\` wrote.

  --data-dir DIR  the engine's data directory (default: $XDG_DATA_HOME/rondo or ~/.local/share/rondo)
  --path          print only where it lies
  --merge         add it to $KUBECONFIG or ~/.kube/config as context "rondo"
`,
  run: (args, terminal) => {
    const { values, positionals } = parseOptions(args, {
      'data-dir': { type: 'string' },
      path: { type: 'boolean' },
      merge: { type: 'boolean' },
    });
    if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
    const path = resolve(givenDataPath(values['data-dir']) ?? defaultDataPath(terminal.env), 'kubeconfig');
    if (!existsSync(path)) throw new UsageError(`${path} does not exist: start the engine with \`rondo up\` first`);
    if (values.path === true) terminal.out(`${path}\n`);
    else if (values.merge === true) terminal.out(`merged into ${mergeIntoUserKubeconfig(path, terminal.env)}\n`);
    else terminal.out(readFileSync(path, 'utf8'));
    return Promise.resolve(0);
  },
};

/**
 * Adds the kubeconfig at `path` to the user's own; gives the file that was changed.
 * @throws UsageError if that file is none, or has another entry of the same name; StartError if it cannot be written
 */
export function mergeIntoUserKubeconfig(path: string, env: NodeJS.ProcessEnv): string {
  const listed = env['KUBECONFIG']?.split(':').find((part) => part !== '');
  const target = listed ?? join(homedir(), '.kube', 'config');
  const added = readFileSync(path, 'utf8');
  try {
    // A link stays one: many keep such files elsewhere.
    const file = existsSync(target) ? realpathSync(target) : target;
    const existing = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const merged = mergedText(target, existing, added);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.rondo`, merged, { mode: 0o600 });
    renameSync(`${file}.rondo`, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new StartError(`cannot merge into ${target}: ${(error as Error).message}`, { cause: error });
  }
  return target;
}

function mergedText(target: string, existing: string, added: string): string {
  try {
    return mergeKubeconfig(existing, added);
  } catch (error) {
    // Errors of the YAML parser show the place below their first line.
    const reason = (error as Error).message.split('\n', 1)[0]!;
    throw new UsageError(`cannot merge into ${target}: ${reason}`, { cause: error });
  }
}
