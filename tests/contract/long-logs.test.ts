import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ContainerId, Runtime } from '../../src/runtimes/index.ts';
import { Containerd, containerdProblem } from '../../src/runtimes/cri/containerd.fixture.ts';
import { createRealRuntime, criPod, podOf, requestOf } from './real-runtimes.ts';
import { sandboxExecutors } from './runtime-machines.ts';

/** Some 70 MB, and six times that with the times that container runtimes write: more than five parts of 10 MiB. */
const last = 9_000_000;
const keptBytes = { atLeast: 5 << 20, atMost: 50 << 20 };

it.each(['process', ...sandboxExecutors])(
  'keeps the newest lines of a log that grows too long: %s',
  (name) => writeTooMuch(name),
  60_000,
);

it.runIf(containerdProblem() === undefined)(
  'keeps the newest lines of a log that grows too long: cri',
  async () => {
    const containerd = await Containerd.start();
    try {
      await writeTooMuch(`cri ${containerd.socket}`);
    } catch (error) {
      // What is left behind then says nothing.
      await containerd.close().catch(() => undefined);
      throw error;
    }
    await containerd.close();
  },
  120_000,
);

async function writeTooMuch(name: string): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'rondo-long-log-'));
  const runtime = await createRealRuntime(name, dataDir);
  const exited = new Promise<void>((resolve) => runtime.onExit(() => resolve()));
  await runtime.start();
  // containerd drops what is still in its pipe when a container ends.
  const command = ['/bin/sh', '-c', name.startsWith('cri') ? `seq ${last}; sleep 3` : `seq ${last}`];
  const pod = podOf('talks', { name: 'main', image: 'rondo.dev/host', command });
  const request = requestOf(name.startsWith('cri') ? criPod(pod) : pod, command);
  await runtime.preparePod(request.pod, []);
  await runtime.startContainer(request);
  await exited;
  // It is shortened beside, at the end for the last time: until then, what is read may begin earlier, or jump.
  let [before, text] = ['', await logOf(runtime, request.id, undefined)];
  while (text !== before || text.startsWith('1\n'))
    [before, text] = [text, await logOf(runtime, request.id, undefined)];
  const lines = text.trimEnd().split('\n').map(Number);
  expect(lines.at(-1)).toBe(last);
  // From there on every line, and each whole.
  expect(lines.length).toBe(last - lines[0]! + 1);
  expect(text.length).toBeGreaterThan(keptBytes.atLeast);
  expect(text.length).toBeLessThanOrEqual(keptBytes.atMost);
  expect(await logOf(runtime, request.id, 2)).toBe(`${last - 1}\n${last}\n`);
  await runtime.removePod(request.id.podUid);
  await runtime.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

async function logOf(runtime: Runtime, id: ContainerId, tailLines: number | undefined): Promise<string> {
  const chunks: Uint8Array[] = [];
  const options = { follow: false, timestamps: false, ...(tailLines === undefined ? {} : { tailLines }) };
  for await (const chunk of runtime.readLog(id, options)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
