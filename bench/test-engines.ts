// Engines in this process: disk or memory store, simulated or real containers.
import { createEngine, createRuntime, systemClock, systemRandom, type Engine } from '../src/engine/index.ts';
import { resources } from '../src/api/index.ts';
import { createLogger } from '../src/log/index.ts';
import { createMemoryStore, openDiskStore, type Store } from '../src/store/index.ts';
import { temporaryDirectory } from './temporary.ts';

export const log = createLogger({ clock: systemClock, level: 'error', write: (line) => console.error(line) });

export interface EngineKind {
  readonly store: 'memory' | 'disk';
  readonly runtime: 'simulated' | 'process';
  /** Before the engine starts. */
  readonly fill?: (store: Store) => Promise<void>;
}

export async function startEngine(kind: EngineKind): Promise<Engine> {
  const clock = systemClock;
  const store =
    kind.store === 'memory'
      ? createMemoryStore({ clock })
      : await openDiskStore({ directory: temporaryDirectory(), clock, log });
  await kind.fill?.(store);
  const runtime = await createRuntime(
    kind.runtime,
    {
      pods: temporaryDirectory(),
      sandboxes: temporaryDirectory(),
      cri: temporaryDirectory(),
      images: temporaryDirectory(),
    },
    { log },
  );
  // What ended stays: the benchmarks ask how it weighs.
  const engine = createEngine({
    clock,
    random: systemRandom,
    log,
    store,
    runtimes: [runtime],
    podGc: { terminatedThreshold: 0 },
  });
  await engine.start();
  // Pods can be created as soon as their namespace has its service account.
  for (;;) {
    const accounts = await engine.client.list(resources.serviceAccounts, { namespace: 'default' });
    if (accounts.items.length > 0) return engine;
    await clock.yield();
  }
}
