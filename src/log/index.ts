// Structured log lines. Promises: constant messages, varying parts as fields. Must not know who writes or where to.
export { createLogger, silentLogger, type Fields, type Level, type Logger, type LoggerOptions } from './logger.ts';
