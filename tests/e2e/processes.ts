import { readdirSync, readFileSync } from 'node:fs';
import { processState } from './rondo.ts';

/** Processes that name `text` in their arguments or environment, zombies and this process left out (Linux). */
export function processesNaming(text: string): { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((name) => ({ pid: Number(name), command: read(`/proc/${name}/cmdline`) }))
    .filter(({ pid, command }) => command.includes(text) || read(`/proc/${pid}/environ`).includes(text))
    .filter(({ pid }) => isAlive(pid))
    .map(({ pid, command }) => ({ pid, command: command.replaceAll('\0', ' ').slice(0, 200) }));
}

/** Everything that anybody can see in `ps`: the arguments of all processes. */
export function allArguments(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => read(`/proc/${name}/cmdline`).replaceAll('\0', ' '))
    .join('\n');
}

export function isAlive(pid: number): boolean {
  const state = processState(pid);
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** Start time of a process in clock ticks since boot: with the pid, tells one process from all others. */
export function startTicks(pid: number): string | undefined {
  return /\) (.*)$/.exec(read(`/proc/${pid}/stat`).trim())?.[1]?.split(' ')[19];
}

/** The process that it was started by, or that took it over; undefined when it is gone. */
export function parentOf(pid: number): number | undefined {
  const parent = /\) \S (\d+) /.exec(read(`/proc/${pid}/stat`))?.[1];
  return parent === undefined ? undefined : Number(parent);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process is gone.
    return '';
  }
}
