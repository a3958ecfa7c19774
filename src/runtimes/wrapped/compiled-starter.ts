import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defaultPath } from './environment.ts';
import { ask } from './probe.ts';
import type { StartCommand } from './wrapper.ts';

/** What `rondo-starter version` prints: one that speaks another language is not used. */
const protocol = '1';

/** Beside the compiled program, also when this file is run from its source. */
const places = ['../../', '../../../dist/'];

/** The program that makes terminals (starter/rondo-terminal.c), if it was built. */
export function findTerminal(): string | undefined {
  return places
    .map((place) => fileURLToPath(new URL(`${place}rondo-terminal`, import.meta.url)))
    .find((path) => existsSync(path));
}

/**
 * The compiled starter (starter/rondo-starter.c), if it was built and runs here. Undefined: the shell does it, at three times
 * the cost.
 */
export async function findStarter(): Promise<string | undefined> {
  for (const place of places) {
    const path = fileURLToPath(new URL(`${place}rondo-starter`, import.meta.url));
    if (existsSync(path) && (await ask(path, ['version']))?.trim() === protocol) return path;
  }
  return undefined;
}

/**
 * The request that makes the starter start one container: see starter/rondo-starter.c. Every true prefix of it is incomplete, so
 * that an engine killed in the middle of writing it starts nothing.
 */
export function starterRequest(start: StartCommand): string {
  const { files, exitPrefix, podDirectory, cwd, exports, command } = start;
  const variables = [...new Map([['PATH', defaultPath], ...exports])].map(([name, value]) => `${name}=${value}`);
  const fields = [
    ...[files.claim, exitPrefix, files.log, podDirectory, cwd, String(start.startedAtMs), files.error],
    ...[String(variables.length), ...variables],
    ...[String(command.length), ...command],
  ];
  const payload = fields.map((field) => `${field}\0`).join('');
  return `R${Buffer.byteLength(payload)}\n${payload}`;
}
