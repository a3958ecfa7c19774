// The victim of the kill test: writes to the store in argv[2] as fast as it can. Says of every write which revision it
// was given (`given REVISION TYPE KEY`) and when it was acknowledged (`done REVISION`). Ends by SIGKILL, or by itself
// after fifty seconds.
import { writeSync } from 'node:fs';
import { systemClock } from '../../src/clock/index.ts';
import { silentLogger } from '../../src/log/index.ts';
import { openDiskStore, type Write } from '../../src/store/index.ts';

const directory = process.argv[2] as string;
const store = await openDiskStore({
  directory,
  clock: systemClock,
  log: silentLogger,
  segmentBytes: 256 << 10,
  retention: { minEvents: 50, minAgeMs: 0 },
});
const endMs = systemClock.monotonic() + 50_000;
let count = 0;

const pause = new Int32Array(new SharedArrayBuffer(4));

/** One call per line, at once: a kill can neither lose a line nor cut it. A full pipe is waited for. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

async function write(writer: number): Promise<void> {
  while (systemClock.monotonic() < endMs) {
    const key = `k/${writer}/${count++ % 50}`;
    const type = count % 5 === 0 && store.getNewest(key) !== undefined ? 'delete' : 'put';
    const encode: Write['encode'] = (revision) => {
      say(`given ${revision} ${type} ${key}\n`);
      return { value: () => Buffer.from(`${revision}:${key}:`.padEnd(1500, 'x')) };
    };
    const entry = await store.write({ key, type, encode });
    say(`done ${entry.modRevision}\n`);
  }
}

await Promise.all(Array.from({ length: 16 }, (_, writer) => write(writer)));
await store.close();
