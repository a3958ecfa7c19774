import { parseArgs, type ParseArgsConfig } from 'node:util';

/** Where a command writes, and what it may be interrupted by. */
export interface Terminal {
  out(text: string): void;
  error(text: string): void;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by SIGINT or SIGTERM. */
  readonly interrupted: AbortSignal;
}

export interface Command {
  readonly summary: string;
  readonly help: string;
  /** Resolves to the exit code. */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}

/** What the user typed or gave cannot be used: printed as one line, exit code 2. */
export class UsageError extends Error {}

/**
 * The value of `--data-dir`.
 * @throws UsageError if it is empty (an unset variable in a script): that would mean the working directory
 */
export function givenDataPath(value: string | undefined): string | undefined {
  if (value === '') throw new UsageError('--data-dir: must not be empty');
  return value;
}

/**
 * The value of `--cri-endpoint`.
 * @throws UsageError if it names no unix socket
 */
export function givenEndpoint(value: string | undefined): string | undefined {
  if (value !== undefined && !/^(unix:\/\/)?\/./.test(value))
    throw new UsageError(`--cri-endpoint ${value}: must be unix:///PATH`);
  return value;
}

type Options = NonNullable<ParseArgsConfig['options']>;

/**
 * Parses options strictly.
 * @throws UsageError for unknown ones or missing values
 */
export function parseOptions<T extends Options>(
  args: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ args: string[]; options: T; strict: true; allowPositionals: true }>> {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
