import type { Clock } from '../clock/index.ts';

/** Values beside a message. Errors are written with their message and cause chain. */
export type Fields = Readonly<Record<string, unknown>>;

export type Level = 'debug' | 'info' | 'warn' | 'error';

/** Messages are constant sentences; everything that varies is a field. Secrets never go in either. */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger that adds these fields to every line. */
  with(fields: Fields): Logger;
}

const rank: Record<Level, number> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface LoggerOptions {
  readonly clock: Clock;
  /** Takes one line, without the line break. */
  readonly write: (line: string) => void;
  /** Lines below this level are dropped. */
  readonly level: Level;
}

/** A logger that writes `time level message key=value …` lines (logfmt). */
export function createLogger(options: LoggerOptions, bound: Fields = {}): Logger {
  const at =
    (level: Level) =>
    (message: string, fields: Fields = {}): void => {
      if (rank[level] < rank[options.level]) return;
      const time = new Date(options.clock.now()).toISOString();
      options.write(`${time} ${level.padEnd(5)} ${message}${format({ ...bound, ...fields })}`);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => createLogger(options, { ...bound, ...fields }),
  };
}

/** Drops everything. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLogger,
};

function format(fields: Fields): string {
  return Object.entries(fields)
    .map(([key, value]) => ` ${key}=${formatValue(value)}`)
    .join('');
}

function formatValue(value: unknown): string {
  const text = value instanceof Error ? errorText(value) : typeof value === 'string' ? value : JSON.stringify(value);
  return text === undefined || /[\s="]/.test(text) ? JSON.stringify(text ?? 'undefined') : text;
}

function errorText(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${errorText(error.cause)}` : error.message;
}
