import { readFileSync } from 'node:fs';

/** What of /proc/PID/net/sockstat counts sockets of this namespace alone. */
const counted = /^(TCP|UDP|UDPLITE|RAW|TCP6|UDP6|UDPLITE6|RAW6): inuse (\d+)(?: orphan \d+ tw (\d+))?/gm;

/**
 * Whether no socket is left in the network namespace of a process, also none that waits after its end (TIME_WAIT): the
 * next Pod would find its port taken.
 */
export function isQuiet(pid: number): boolean {
  try {
    const text = ['sockstat', 'sockstat6'].map((name) => readIfThere(`/proc/${pid}/net/${name}`)).join('\n');
    const lines = [...text.matchAll(counted)];
    return lines.length > 0 && lines.every(([, , inUse, waiting = '0']) => inUse === '0' && waiting === '0');
  } catch {
    return false;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // A kernel without IPv6 has only one of them.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
