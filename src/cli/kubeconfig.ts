import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { mergeKubeconfig } from '../client/index.ts';
import { defaultDataPath } from '../engine/index.ts';
import { parseOptions, UsageError, type Command } from './command.ts';

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
    const path = resolve(values['data-dir'] ?? defaultDataPath(terminal.env), 'kubeconfig');
    if (!existsSync(path)) throw new UsageError(`${path} does not exist: start the engine with \`rondo up\` first`);
    if (values.path === true) terminal.out(`${path}\n`);
    else if (values.merge === true) terminal.out(`merged into ${mergeIntoUserKubeconfig(path, terminal.env)}\n`);
    else terminal.out(readFileSync(path, 'utf8'));
    return Promise.resolve(0);
  },
};

/**
 * Adds the kubeconfig at `path` to the user's own; gives the file that was changed.
 * @throws UsageError if that file is none, or has another entry of the same name
 */
export function mergeIntoUserKubeconfig(path: string, env: NodeJS.ProcessEnv): string {
  const listed = env['KUBECONFIG']?.split(':').find((part) => part !== '');
  const target = listed ?? join(homedir(), '.kube', 'config');
  const existing = existsSync(target) ? readFileSync(target, 'utf8') : '';
  const merged = mergedText(target, existing, readFileSync(path, 'utf8'));
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.rondo`, merged, { mode: 0o600 });
  renameSync(`${target}.rondo`, target);
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
