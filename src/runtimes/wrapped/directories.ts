import { existsSync, mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';

/** Not recursive, which would cost more system calls; another engine may have made it. */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** With all that is in it. Most Pods have one of three: asking is cheaper than walking. */
export async function removeDirectory(path: string): Promise<void> {
  if (existsSync(path)) await rm(path, { recursive: true, force: true, maxRetries: 3 });
}
