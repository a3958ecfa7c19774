// The limit of everything that starts processes: child_process.spawn and nothing else, in a process of its own.
// node bare-spawn.js RATE PARALLELISM SECONDS
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Bare spawns of /bin/true per second with so many at a time. */
export function bareSpawnsPerSecond(parallelism: number, seconds: number): number {
  const args = [fileURLToPath(import.meta.url), String(parallelism), String(seconds)];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

async function measure(parallelism: number, seconds: number): Promise<number> {
  let done = 0;
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const one = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await once(spawn('/bin/true', { stdio: 'ignore' }), 'exit');
      done++;
    }
  };
  await Promise.all(Array.from({ length: parallelism }, one));
  return done / ((performance.now() - startMs) / 1000);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(await measure(Number(process.argv[2]), Number(process.argv[3])));
}
