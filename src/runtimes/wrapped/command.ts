import { statSync } from 'node:fs';
import { defaultPath } from './environment.ts';

/** The file to execute, or why there is none, in the words of a container runtime. */
export type Resolved = { readonly path: string } | { readonly error: string };

/** Finds a command as execvp(3) does, before anything is started: a shell could not tell "missing" from exit code 127. */
export function resolveCommand(command: string, cwd: string, searchPath: string | undefined): Resolved {
  const quoted = JSON.stringify(command);
  if (command.includes('/')) {
    const path = command.startsWith('/') ? command : `${cwd}/${command}`;
    const problem = executableProblem(path);
    if (problem === 'missing') return { error: `exec: ${quoted}: stat ${command}: no such file or directory` };
    return problem === undefined ? { path } : { error: `exec: ${quoted}: ${problem}` };
  }
  for (const directory of (searchPath ?? defaultPath).split(':')) {
    const path = `${directory === '' ? cwd : directory}/${command}`;
    if (command !== '' && executableProblem(path) === undefined) return { path };
  }
  return { error: `exec: ${quoted}: executable file not found in $PATH` };
}

function executableProblem(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 'missing';
  if (stat.isDirectory()) return 'is a directory';
  return (stat.mode & 0o111) === 0 ? 'permission denied' : undefined;
}

/** Why a working directory cannot be used, if so. */
export function directoryProblem(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  const failure = stat === undefined ? 'no such file or directory' : 'not a directory';
  return stat?.isDirectory() === true ? undefined : `workingDir ${JSON.stringify(path)}: chdir: ${failure}`;
}
