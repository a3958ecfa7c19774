// The engine's part in the crash test: starts what is left to start, notes each exit that it hears of, and waits to be
// killed. Arguments: data directory, file for exits, number of containers, directory of counters.
import { appendFileSync } from 'node:fs';
import { systemClock as clock, systemRandom as random } from '../../src/clock/index.ts';
import { silentLogger as log } from '../../src/log/index.ts';
import { createProcessRuntime } from '../../src/runtimes/process/index.ts';
import { podOf, requestOf } from './runtime-machines.ts';

const [dataDir, exitsFile, count, counters] = process.argv.slice(2) as [string, string, string, string];

async function main(): Promise<void> {
  const runtime = createProcessRuntime({ dataDir, clock, random, log });
  let ended = 0;
  let wake: () => void = () => undefined;
  runtime.onExit((state) => {
    if (state.type !== 'exited') return;
    appendFileSync(exitsFile, `${state.id.podUid} ${state.exitCode} ${state.finishedAtMs}\n`);
    ended++;
    wake();
  });
  await runtime.start();
  process.stdout.write('ready\n');
  for (let index = 0; index < Number(count); index++) {
    // Asked for every container, also those of earlier lives: starting again must start nothing.
    const script = `echo run >>${counters}/${index}; sleep 0.0${index % 10}; exit ${index}`;
    const command = ['/bin/sh', '-c', script];
    const request = requestOf(podOf(`crash-${index}`, { name: 'main', image: 'rondo.dev/host', command }), command);
    await runtime.preparePod(request.pod, []);
    await runtime.startContainer(request);
    if (index - ended >= 8) await new Promise<void>((resolve) => (wake = resolve));
  }
  while (ended < Number(count)) await new Promise<void>((resolve) => (wake = resolve));
  await runtime.stop();
  process.stdout.write('done\n');
}

await main();
