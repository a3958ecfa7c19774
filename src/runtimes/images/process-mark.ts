import { readFileSync } from 'node:fs';

let own: string | undefined;

/**
 * Marks what this process makes: its number, and when it began, because numbers come again (in a container the engine often
 * has the same at every start).
 */
export function ownMark(): string {
  own ??= `${process.pid}-${beganAt(process.pid) ?? ''}`;
  return own;
}

/** Whether the process lives that made a mark. */
export function isAlive(mark: string): boolean {
  if (mark === ownMark()) return true;
  const began = beganAt(Number.parseInt(mark, 10));
  return began !== undefined && mark === `${Number.parseInt(mark, 10)}-${began}`;
}

/** When a process began, in a text that never comes again; undefined if there is none of this number. */
function beganAt(pid: number): string | undefined {
  try {
    // After the name, which may hold anything, the 20th field: ticks since the machine was started.
    const ticks = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19];
    return `${ticks}-${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8)}`;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
