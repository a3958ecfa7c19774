import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { usageByLeader } from './usage.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const { pid } of children.splice(0)) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
});

/** A process group of its own; resolves when it has written a line. */
async function started(script: string): Promise<number> {
  const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  await once(child.stdout!, 'data');
  return child.pid!;
}

it.runIf(process.platform === 'linux')('adds up what a container and all that it started use', async () => {
  const work = 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done';
  // One that has ended and was waited for, one that lives in a session of its own, and one whose parent has gone.
  const busy = await started(
    `(${work}); setsid sh -c '${work}; exec sleep 300' & (sleep 300 &); sleep 1; echo; exec sleep 300`,
  );
  const idle = await started('echo; exec sleep 300');
  const usage = usageByLeader([busy, idle]);
  const [much, little] = [usage.get(busy)!, usage.get(idle)!];
  expect(much.cpuNanos).toBeGreaterThan(little.cpuNanos);
  expect(much.cpuNanos).toBeGreaterThanOrEqual(10_000_000);
  // Three shells or sleeps against one.
  expect(much.memoryBytes).toBeGreaterThan(little.memoryBytes * 1.5);
  expect(little.memoryBytes).toBeGreaterThan(100_000);
  expect(little.memoryBytes).toBeLessThan(20_000_000);
  expect(usageByLeader([]).size).toBe(0);
});
