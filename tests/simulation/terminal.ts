import type { Command, Terminal } from '../../src/cli/command.ts';
import { UsageError } from '../../src/cli/command.ts';

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs a command as `main` would, without a process. */
export async function runCommand(command: Command, args: readonly string[]): Promise<Result> {
  let out = '';
  let error = '';
  const terminal: Terminal = {
    out: (text) => (out += text),
    error: (text) => (error += text),
    env: {},
    interrupted: new AbortController().signal,
  };
  try {
    return { code: await command.run(args, terminal), out, error };
  } catch (fault) {
    if (!(fault instanceof UsageError)) throw fault;
    return { code: 2, out, error: fault.message };
  }
}
