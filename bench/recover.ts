// W7: from the exec of `rondo up` to the first answer.
import { openDiskStore, type Write } from '../src/store/index.ts';
import { systemClock } from '../src/engine/index.ts';
import { join } from 'node:path';
import { median, row, type Row, type RunOptions, type Workload } from './measure.ts';
import { bareNodeMillis, millisUntilFirstAnswer } from './rondo-process.ts';
import { removeTemporary, temporaryDirectory } from './temporary.ts';
import { log } from './test-engines.ts';

export const recover: Workload = {
  name: 'recover',
  title: 'W7 exec of `rondo up` → first answered list of pods',
  run: async ({ quick }: RunOptions) => {
    const rounds = quick ? 2 : 5;
    const node: number[] = [];
    for (let i = 0; i < rounds; i++) node.push(await bareNodeMillis());
    const limit = { what: '`node -e 0`', value: median(node) };
    const [first, again, ready]: [number[], number[], number[]] = [[], [], []];
    for (let i = 0; i < rounds; i++) {
      const dataPath = temporaryDirectory();
      first.push((await millisUntilFirstAnswer(dataPath)).answeredMs);
      const second = await millisUntilFirstAnswer(dataPath);
      again.push(second.answeredMs);
      ready.push(second.readyMs);
    }
    const rows: Row[] = [
      row('very first start', 'ms', first, { limit, target: { atMost: 1000 } }),
      row('existing data directory', 'ms', again, { limit, target: { atMost: 500 } }),
      row('… until it says ready', 'ms', ready),
    ];
    const sizes = quick
      ? [[100_000, 10_000]]
      : [
          [100_000, 10_000],
          [1_000_000, 100_000],
        ];
    for (const [revisions, live] of sizes as [number, number][]) {
      const dataPath = temporaryDirectory();
      await fill(dataPath, revisions, live);
      const runs: number[] = [];
      for (let i = 0; i < (quick ? 1 : 3); i++) runs.push((await millisUntilFirstAnswer(dataPath)).answeredMs);
      removeTemporary(dataPath);
      rows.push(row(`${revisions} revisions, ${live} live objects`, 'ms', runs, { limit, target: { atMost: 3000 } }));
    }
    return rows;
  },
};

/** ConfigMaps of 1 KB, written again and again. */
async function fill(dataPath: string, revisions: number, live: number): Promise<void> {
  const store = await openDiskStore({ directory: join(dataPath, 'store'), clock: systemClock, log });
  const data = { text: 'x'.repeat(900) };
  const batch = 2000;
  for (let start = 0; start < revisions; start += batch) {
    const writes: Promise<unknown>[] = [];
    for (let i = start; i < Math.min(start + batch, revisions); i++) {
      const name = `object-${i % live}`;
      const metadata = {
        name,
        namespace: 'default',
        uid: `uid-${i % live}`,
        creationTimestamp: '2026-01-01T00:00:00Z',
      };
      const encode: Write['encode'] = (revision) => {
        const object = {
          kind: 'ConfigMap',
          apiVersion: 'v1',
          metadata: { ...metadata, resourceVersion: `${revision}` },
          data,
        };
        return { value: () => Buffer.from(JSON.stringify(object)) };
      };
      writes.push(store.write({ key: `core/configmaps/default/${name}`, type: 'put', encode }));
    }
    await Promise.all(writes);
  }
  await store.close();
}
