// An engine with a disk store and an open port that does nothing but hold what it holds: node idle-engine.js DIR
import { join } from 'node:path';
import { createEngine, createRuntime, systemClock, systemRandom } from '../src/engine/index.ts';
import { openDiskStore } from '../src/store/index.ts';
import { log } from './test-engines.ts';

const dataPath = process.argv[2]!;
const clock = systemClock;
const store = await openDiskStore({ directory: join(dataPath, 'store'), clock, log });
const runtime = await createRuntime(
  'simulated',
  {
    pods: join(dataPath, 'pods'),
    sandboxes: join(dataPath, 'sandboxes'),
    cri: join(dataPath, 'cri'),
    images: join(dataPath, 'images'),
  },
  { log },
);
const podGc = { terminatedThreshold: 0 };
const engine = createEngine({ clock, random: systemRandom, log, store, runtimes: [runtime], podGc });
await engine.listen({ host: '127.0.0.1', port: 0, tokens: new Map() });
await engine.start();
console.log('ready');
process.once('SIGTERM', () => void engine.stop().then(() => process.exit(0)));
