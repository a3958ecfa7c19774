// The engine that is killed: tsx engine.ts <directory> <factor> <origin> <shift>. Prints `ready <ms>` in its own fast time.
import { resources, type CronJob } from '../../src/api/index.ts';
import { systemRandom as random } from '../../src/clock/index.ts';
import { createEngine } from '../../src/engine/index.ts';
import { silentLogger as log } from '../../src/log/index.ts';
import { createSimulatedRuntime } from '../../src/runtimes/simulated/index.ts';
import { openDiskStore } from '../../src/store/index.ts';
import { FastClock } from './fast-clock.ts';

const [directory = '', factor = '60', origin = '0', shift = '0'] = process.argv.slice(2);
const clock = new FastClock(Number(factor), Number(origin), Number(shift));
const store = await openDiskStore({ directory, clock, log });
const engine = createEngine({ store, clock, random, log, runtimes: [createSimulatedRuntime({ clock, random, log })] });
await engine.start();
const { items } = await engine.client.list<CronJob>(resources.cronJobs);
if (items.length === 0) {
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'any' }] } };
  const spec = { schedule: '* * * * *', successfulJobsHistoryLimit: 1_000_000, jobTemplate: { spec: { template } } };
  await engine.client.create<CronJob>(resources.cronJobs, { metadata: { name: 'tick', namespace: 'default' }, spec });
}
console.log(`ready ${clock.now()}`);
