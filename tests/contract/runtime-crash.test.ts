import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Containerd, containerdProblem } from '../../src/runtimes/cri/containerd.fixture.ts';
import { createRealRuntime, shellStarted } from './real-runtimes.ts';
import { leftBehind, sandboxExecutors } from './runtime-machines.ts';

const supervisor = fileURLToPath(new URL('./runtime-supervisor.ts', import.meta.url));

interface Crashes {
  readonly name: string;
  readonly containerCount: number;
  readonly killCount: number;
  /** After the engine is ready: when most is under way. */
  readonly killWithinMs: number;
  /**
   * containerd gives a start up when who asked for it is killed: the container ends with 128, and has run at most once.
   */
  readonly startsAreGivenUp?: boolean;
}

/** A small generator with a printed seed, so that a failing order of kills can be tried again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Runs the supervisor; kills it so long after it is ready, or lets it finish. */
function supervise(args: readonly string[], killAfterMs: number | undefined): Promise<'killed' | 'done'> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', supervisor, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output === 'ready\n' && killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve('killed');
      else if (code === 0 && output.endsWith('done\n')) resolve('done');
      else reject(new Error(`the supervisor failed with ${code ?? signal}`));
    });
  });
}

const quick = { containerCount: 40, killCount: 8, killWithinMs: 60 };

it.each(['process', shellStarted, ...sandboxExecutors])(
  'loses no exit code and runs no container twice, however often the engine is killed with -9: %s',
  (name) => crashOften({ name, ...quick }),
  60_000,
);

// Why there is none is printed by the contract suite's machines.
it.runIf(containerdProblem() === undefined)(
  'loses no exit code and runs no container twice, however often the engine is killed with -9: cri',
  async () => {
    const containerd = await Containerd.start();
    try {
      // Starting an engine takes half a second, a container some tenths of one.
      await crashOften({
        name: `cri ${containerd.socket}`,
        containerCount: 12,
        killCount: 8,
        killWithinMs: 1500,
        startsAreGivenUp: true,
      });
    } catch (error) {
      // What is left behind then says nothing.
      await containerd.close().catch(() => undefined);
      throw error;
    }
    await containerd.close();
  },
  180_000,
);

async function crashOften({ name, containerCount, killCount, killWithinMs, startsAreGivenUp }: Crashes): Promise<void> {
  const seed = Number(process.env['RONDO_SEED'] ?? Date.now() % 1_000_000);
  console.log(`seed ${seed} (set RONDO_SEED to repeat)`);
  const float = seeded(seed);
  const directory = mkdtempSync(join(tmpdir(), 'rondo-crash-'));
  const [dataDir, counters, exits] = ['data', 'counters', 'exits'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(counters);
  const args = [dataDir, exits, String(containerCount), counters, name];
  let killed = 0;
  for (let round = 0; round < killCount; round++) {
    if ((await supervise(args, float() * killWithinMs)) === 'killed') killed++;
  }
  expect(await supervise(args, undefined)).toBe('done');
  expect(killed).toBeGreaterThan(0);

  const seen = readFileSync(exits, 'utf8').trim().split('\n');
  const byContainer = new Map(Array.from({ length: containerCount }, (_, index) => [`uid-crash-${index}`, new Set()]));
  for (const line of seen) {
    const [uid, ...rest] = line.split(' ');
    byContainer.get(uid!)!.add(rest.join(' '));
  }
  let givenUp = 0;
  // Every engine that heard of an exit heard the same code and the same time.
  for (const [index, ends] of [...byContainer.values()].entries()) {
    expect(ends.size, `container ${index}: ${[...ends].join(', ')}`).toBe(1);
    const end = String([...ends][0]);
    const counter = join(counters, String(index));
    if (startsAreGivenUp === true && end.startsWith('128 ')) {
      givenUp++;
      expect(existsSync(counter) ? readFileSync(counter, 'utf8') : '').toMatch(/^(run\n)?$/);
      continue;
    }
    expect(end).toMatch(new RegExp(`^${index} `));
    expect(readFileSync(counter, 'utf8'), `runs of container ${index}`).toBe('run\n');
  }
  // At most the ones that were being started at a kill.
  expect(givenUp).toBeLessThan(containerCount);

  const last = await createRealRuntime(name, dataDir);
  await last.start();
  await Promise.all(last.podUids().map((uid) => last.removePod(uid)));
  await last.stop();
  expect(leftBehind(dataDir)).toEqual([]);
  rmSync(directory, { recursive: true, force: true });
}
