import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock/index.ts';
import { silentLogger } from '../../src/log/index.ts';
import { openDiskStore, prefixEnd, type Store } from '../../src/store/index.ts';
import { seededRandom } from '../../src/testing/index.ts';

const writerFile = fileURLToPath(new URL('store-kill-writer.ts', import.meta.url));
const kills = 10;
const seed = 20_261_123;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rondo-kill-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** What the writers said: the last write that was given each revision, and the highest one acknowledged. */
class Said {
  readonly given = new Map<number, { type: string; key: string }>();
  acknowledged = 0;

  hear(line: string): void {
    const [what, revision, type = '', key = ''] = line.split(' ');
    if (what === 'given') this.given.set(Number(revision), { type, key });
    else this.acknowledged = Math.max(this.acknowledged, Number(revision));
  }

  /** The store holds exactly what the writes up to its revision amount to, and no acknowledged one is missing. */
  check(store: Store): void {
    expect(store.revision).toBeGreaterThanOrEqual(this.acknowledged);
    const state = new Map<string, string>();
    for (let revision = 1; revision <= store.revision; revision++) {
      const { type, key } = this.given.get(revision) ?? { type: 'unknown', key: '' };
      expect(type).not.toBe('unknown');
      if (type === 'put') state.set(key, `${revision}:${key}:`.padEnd(1500, 'x'));
      else state.delete(key);
    }
    const { entries } = store.range({ start: 'k/', end: prefixEnd('k/') });
    expect(new Map(entries.map(({ key, value }) => [key, value.toString()]))).toEqual(state);
  }
}

/** Lets a child write until it has acknowledged that many writes, then kills it. */
function writeUntilKilled(said: Said, acknowledgements: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', writerFile, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let rest = '';
    let done = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) said.hear(line);
      done += lines.filter((line) => line.startsWith('done')).length;
      if (done >= acknowledgements) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (_code, signal) => {
      if (signal === 'SIGKILL') resolve();
      else reject(new Error('the writer ended by itself'));
    });
  });
}

describe('disk store, killed with SIGKILL', () => {
  it(`keeps every acknowledged write through ${kills} kills (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const said = new Said();
    for (let kill = 0; kill < kills; kill++) {
      await writeUntilKilled(said, 1 + Math.floor(random.float() * 4000));
      const store = await openDiskStore({ directory, clock: systemClock, log: silentLogger });
      said.check(store);
      await store.close();
    }
    expect(said.acknowledged).toBeGreaterThan(1000);
  }, 120_000);
});
