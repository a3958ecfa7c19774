// The engine's part in the crash test: starts what is left to start, notes each exit that it hears of, and waits to be
// killed. Arguments: data directory, file for exits, number of containers, directory of counters, runtime.
import { appendFileSync } from 'node:fs';
import type { VolumeContent } from '../../src/runtimes/index.ts';
import { createRealRuntime, criPod, podOf, requestOf } from './real-runtimes.ts';

const [dataDir, exitsFile, count, counters, name] = process.argv.slice(2) as [string, string, string, string, string];

// What a sandbox writes to the host's files stays in it, but for volumes.
const volumeMounts = name.startsWith('process') ? [] : [{ name: 'counters', mountPath: counters }];
const hostPath = { path: counters, type: 'Directory' };
const volumes: VolumeContent[] = name.startsWith('process')
  ? []
  : [{ name: 'counters', type: 'hostPath', hostPath, files: new Map() }];

async function main(): Promise<void> {
  const runtime = await createRealRuntime(name, dataDir);
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
    const pod = podOf(`crash-${index}`, { name: 'main', image: 'rondo.dev/host', command, volumeMounts });
    const request = requestOf(name.startsWith('cri') ? criPod(pod) : pod, command);
    await runtime.preparePod(request.pod, volumes);
    await runtime.startContainer(request);
    if (index - ended >= 8) await new Promise<void>((resolve) => (wake = resolve));
  }
  while (ended < Number(count)) await new Promise<void>((resolve) => (wake = resolve));
  await runtime.stop();
  process.stdout.write('done\n');
}

await main();
