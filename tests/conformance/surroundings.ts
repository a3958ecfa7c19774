import { readFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resources } from '../../src/api/index.ts';
import { createHttpClient, loadKubeconfig, type Client } from '../../src/client/index.ts';
import { sleep, systemClock, systemRandom } from '../../src/clock/index.ts';
import { openEngine } from '../../src/engine/index.ts';
import { silentLogger } from '../../src/log/index.ts';
import { seededRandom, startTestEngine } from '../../src/testing/index.ts';
import type { Mode } from './case-format.ts';

/** What cases run in: a cluster, and a way for time to pass. */
export interface Surroundings {
  readonly mode: Mode;
  readonly client: Client;
  readonly namespaceSuffix: string;
  /** A directory of nodes, for the containers of one namespace to share; they make it. */
  scratch(namespace: string): string;
  advance(ms: number): Promise<void>;
  /** Asks until the answer is undefined, or so long has passed; gives the last answer. */
  until(withinMs: number, problem: () => Promise<string | undefined>): Promise<string | undefined>;
  close(): Promise<void>;
}

/** A whole engine in memory, simulated containers, and a clock that jumps to the next due time. */
export async function simulatedSurroundings(seed = 1): Promise<Surroundings> {
  const engine = await startTestEngine({ seed });
  const { clock, client } = engine;
  return {
    mode: 'simulated',
    client,
    namespaceSuffix: '',
    scratch: (namespace) => `/tmp/${namespace}`,
    advance: (ms) => clock.advance(ms),
    until: async (withinMs, problem) => {
      const endMs = clock.monotonic() + withinMs;
      for (;;) {
        await clock.settle();
        const found = await problem();
        if (found === undefined || clock.monotonic() >= endMs) return found;
        if (!(await clock.advanceToNextTimer())) return found;
      }
    },
    close: async () => {
      // What is under way may wait for a moment of its clock.
      await clock.advance(60_000);
      await engine.stop();
    },
  };
}

/** An engine of this program with real processes, spoken to over HTTP. */
export async function processSurroundings(): Promise<Surroundings> {
  const dataPath = mkdtempSync(join(tmpdir(), 'rondo-conformance-'));
  const options = { dataPath, host: '127.0.0.1', port: 0, runtime: 'process', log: silentLogger } as const;
  const opened = await openEngine(options);
  const cluster = clusterSurroundings(opened.kubeconfigPath);
  return {
    ...cluster,
    scratch: (namespace) => join(dataPath, 'scratch', namespace),
    close: async () => {
      // Containers outlive an engine: some cases leave Pods behind that would not go by themselves for a long time.
      const { client } = opened.engine;
      await client.deleteCollection(resources.pods, { gracePeriodSeconds: 0 });
      const left = await cluster.until(30_000, async () => {
        const { items } = await client.list(resources.pods);
        return items.length === 0
          ? undefined
          : `pods are left: ${items.map(({ metadata }) => metadata.name).join(', ')}`;
      });
      await cluster.close();
      await opened.stop();
      if (left !== undefined) throw new Error(left);
      rmSync(dataPath, { recursive: true, force: true });
    },
  };
}

const pollMs = 50;

/** Whatever cluster a kubeconfig leads to. */
export function clusterSurroundings(kubeconfigPath: string): Surroundings {
  const readFile = (path: string): string => readFileSync(path, 'utf8');
  const access = loadKubeconfig(readFile(kubeconfigPath), { readFile });
  const client = createHttpClient({ ...access, clock: systemClock, random: systemRandom });
  return {
    mode: 'real',
    client,
    namespaceSuffix: `-${Math.floor(seededRandom(systemClock.now()).float() * 1e6)}`,
    scratch: (namespace) => `/tmp/${namespace}`,
    advance: (ms) => sleep(systemClock, ms),
    until: async (withinMs, problem) => {
      const endMs = systemClock.monotonic() + withinMs;
      for (;;) {
        const found = await problem();
        if (found === undefined || systemClock.monotonic() >= endMs) return found;
        await sleep(systemClock, pollMs);
      }
    },
    close: () => Promise.resolve(),
  };
}
