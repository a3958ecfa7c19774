import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  containerIdKey,
  type ContainerId,
  type ContainerRequest,
  type ContainerState,
  type ExecSession,
  type ReadLogOptions,
  type Runtime,
} from '../../src/runtimes/index.ts';
import { findTerminal } from '../../src/runtimes/wrapped/index.ts';
import { machines, type Behaviour, type Machine } from './runtime-machines.ts';

/** A runtime of the machine that runs, with the exits that it has reported. */
interface Opened {
  readonly runtime: Runtime;
  readonly exits: ContainerState[];
  /** The next (or an earlier) exit of this container. */
  exitOf(id: ContainerId): Promise<ContainerState & { type: 'exited' }>;
}

const wholeLog: ReadLogOptions = { follow: false, timestamps: false };

async function readAll(runtime: Runtime, id: ContainerId, options: Partial<ReadLogOptions> = {}): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of runtime.readLog(id, { ...wholeLog, ...options })) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe.each(machines)('every runtime keeps the contract: $name', ({ create, setUp, tearDown, crowd = 40 }) => {
  let machine: Machine;
  let opened: Opened[] = [];

  beforeAll(async () => setUp?.());
  afterAll(async () => tearDown?.());

  beforeEach(() => {
    machine = create();
  });

  afterEach(async () => {
    const last = await open();
    await Promise.all(last.runtime.podUids().map((uid) => last.runtime.removePod(uid)));
    for (const { runtime } of opened) await runtime.stop();
    opened = [];
    machine.close();
  });

  async function open(): Promise<Opened> {
    const runtime = machine.open();
    const exits: ContainerState[] = [];
    const waiting = new Map<string, () => void>();
    runtime.onExit((state) => {
      exits.push(state);
      waiting.get(containerIdKey(state.id))?.();
    });
    const result: Opened = {
      runtime,
      exits,
      exitOf: async (id) => {
        const find = () => exits.find((exit) => containerIdKey(exit.id) === containerIdKey(id));
        if (find() === undefined) await new Promise<void>((resolve) => waiting.set(containerIdKey(id), resolve));
        return find() as ContainerState & { type: 'exited' };
      },
    };
    opened.push(result);
    await runtime.start();
    return result;
  }

  async function run(runtime: Runtime, name: string, behaviour: Behaviour): Promise<ContainerRequest> {
    const request = machine.request(name, behaviour);
    await runtime.preparePod(request.pod, []);
    await runtime.startContainer(request);
    return request;
  }

  /** Until the container has written this to its log. */
  async function written(runtime: Runtime, id: ContainerId, text: string): Promise<void> {
    let seen = '';
    for await (const chunk of runtime.readLog(id, { ...wholeLog, follow: true })) {
      seen += Buffer.from(chunk).toString();
      if (seen.includes(text)) return;
    }
    throw new Error(`the log ended without ${text}: ${seen}`);
  }

  describe('one more command in a container', () => {
    // A whole line: some runtimes log no less.
    const started = 'started\n';

    /** What a command answers in a container that runs; undefined where the runtime runs no commands. */
    async function answer(
      runtime: Runtime,
      id: ContainerId,
      command: readonly string[],
      input = '',
    ): Promise<{ exitCode: number; stdout: string; stderr: string } | undefined> {
      const session = runtime.exec?.(id, command);
      if (session === undefined) return undefined;
      const texts = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr'] as const)
        session[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text));
      session.stdin.end(input);
      return { exitCode: await session.exitCode, ...texts };
    }

    /** A container that has started; undefined where the runtime runs no commands in containers. */
    async function enter(): Promise<(Opened & { readonly id: ContainerId }) | undefined> {
      const entered = await open();
      if (entered.runtime.exec === undefined) {
        expect(entered.runtime.name).toBe('simulated');
        return undefined;
      }
      const { id } = await run(entered.runtime, 'exec', { log: started });
      await written(entered.runtime, id, started);
      return { ...entered, id };
    }

    it('runs with its environment, takes input, and tells its exit code', async () => {
      const inside = await enter();
      if (inside === undefined) return;
      const { runtime, id } = inside;
      const script = 'cat; echo "$MARK" >&2; exit 5';
      expect(await answer(runtime, id, ['sh', '-c', script], 'input')).toEqual({
        exitCode: 5,
        stdout: 'input',
        stderr: 'its own\n',
      });
      expect(await answer(runtime, id, ['sh', '-c', 'kill -TERM $$'])).toMatchObject({ exitCode: 143 });
      expect(runtime.containerState(id)?.type).toBe('running');
    });

    it('finds the device files in a container that runs on while the engine is started again', async () => {
      const inside = await enter();
      if (inside === undefined) return;
      await inside.runtime.stop();
      const { runtime } = await open();
      const script = 'for device in null zero full random urandom; do [ -c /dev/$device ] || echo "no $device"; done';
      expect(await answer(runtime, inside.id, ['sh', '-c', script])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    });

    it('fails for a command that does not exist, and for a container that has ended', async () => {
      const inside = await enter();
      if (inside === undefined) return;
      const { runtime, id, exitOf } = inside;
      const missing = await answer(runtime, id, ['no-such-command-at-all']).catch((error: unknown) => error);
      if (missing instanceof Error) expect(missing).toMatchObject({ reason: 'ExecError' });
      else expect((missing as { exitCode: number }).exitCode).toBeGreaterThan(0);
      await runtime.stopContainer(id, 0);
      await exitOf(id);
      expect(() => runtime.exec?.(id, ['true'])).toThrow('is not running');
    });

    it('gets a terminal where there is a C compiler, and says so where there is none', async () => {
      const inside = await enter();
      if (inside === undefined) return;
      const { runtime, id } = inside;
      const script = 'until [ "$(stty size 2>/dev/null)" = "45 123" ]; do :; done; echo "$TERM"; exit 5';
      const onTerminal = (): ExecSession | undefined => runtime.exec?.(id, ['sh', '-c', script], { terminal: true });
      if (findTerminal() === undefined && runtime.name !== 'cri') {
        expect(onTerminal).toThrow('terminals need a C compiler');
        return;
      }
      const session = onTerminal();
      session?.resize?.(123, 45);
      let shown = '';
      session?.stdout.on('data', (text: Buffer) => (shown += text.toString()));
      expect(await session?.exitCode).toBe(5);
      expect(shown).toBe('xterm\r\n');
    });

    it('can be killed', async () => {
      const inside = await enter();
      if (inside === undefined) return;
      const { runtime, id } = inside;
      const session = runtime.exec?.(id, ['sh', '-c', 'echo ready; exec sleep 60']);
      await new Promise((resolve) => session?.stdout.once('data', resolve));
      session?.kill();
      expect(await session?.exitCode).toBe(137);
      expect(runtime.containerState(id)?.type).toBe('running');
    });
  });

  it('runs a container and reports its exit exactly once', async () => {
    const { runtime, exits, exitOf } = await open();
    const { id } = await run(runtime, 'ok', { durationMs: 0 });
    const exit = await exitOf(id);
    expect(exit).toMatchObject({ type: 'exited', id, exitCode: 0, reason: 'Completed' });
    expect(exit.finishedAtMs).toBeGreaterThanOrEqual(exit.startedAtMs);
    expect(runtime.containerState(id)).toEqual(exit);
    const other = await run(runtime, 'other', { durationMs: 0 });
    await exitOf(other.id);
    expect(exits).toHaveLength(2);
  });

  it.each([1, 3, 42, 127, 255])('reports exit code %i with reason Error', async (exitCode) => {
    const { runtime, exitOf } = await open();
    const { id } = await run(runtime, 'fails', { durationMs: 0, exitCode });
    expect(await exitOf(id)).toMatchObject({ exitCode, reason: 'Error' });
  });

  it('knows a container as running as soon as it can have started', async () => {
    const { runtime } = await open();
    const request = machine.request('soon', {});
    await runtime.preparePod(request.pod, []);
    const start = runtime.startContainer(request);
    // Where somebody else starts it, that is when he says so.
    if (runtime.name === 'cri') await start;
    expect(runtime.containerState(request.id)).toMatchObject({ type: 'running', id: request.id });
    expect(await start).toEqual(runtime.containerState(request.id));
    expect(runtime.containers()).toHaveLength(1);
  });

  it('starts a container id once, whatever it is asked later', async () => {
    const { runtime, exits, exitOf } = await open();
    const request = await run(runtime, 'once', { durationMs: 0, log: 'one\n' });
    await runtime.startContainer(request);
    const exit = await exitOf(request.id);
    expect(await runtime.startContainer(request)).toEqual(exit);
    const next = { ...request, id: { ...request.id, attempt: 1 } };
    await runtime.startContainer(next);
    await exitOf(next.id);
    expect(exits).toHaveLength(2);
    expect(await readAll(runtime, request.id)).toBe('one\n');
  });

  it('tells what containers use that run, unless nothing runs in truth', async () => {
    const { runtime, exitOf } = await open();
    const { id } = await run(runtime, 'used', { log: 'ready\n' });
    await written(runtime, id, 'ready');
    if (runtime.usage === undefined) {
      expect(runtime.name).toBe('simulated');
      return;
    }
    // A container runtime measures now and then, and a process that has just become another has no memory yet.
    let usage = await runtime.usage();
    while ((usage.get(containerIdKey(id))?.memoryBytes ?? 0) === 0) usage = await runtime.usage();
    expect([...usage.keys()]).toEqual([containerIdKey(id)]);
    const { cpuNanos, memoryBytes } = usage.get(containerIdKey(id))!;
    expect(memoryBytes).toBeGreaterThan(10_000);
    expect(memoryBytes).toBeLessThan(50_000_000);
    expect(cpuNanos).toBeGreaterThanOrEqual(0);
    await runtime.stopContainer(id, 0);
    await exitOf(id);
    expect((await runtime.usage()).size).toBe(0);
  });

  it.each([
    ['of the only session', true],
    ['of many', false],
  ])('gives a container its input: %s', async (_what, once) => {
    const { runtime, exitOf } = await open();
    if (runtime.openInput === undefined) {
      expect(runtime.name).toBe('simulated');
      return;
    }
    const made = machine.request('reads', { log: 'any' });
    const script = once ? 'echo ready; cat; echo over' : 'echo ready; read a; read b; echo "$a and $b"';
    const command = ['/bin/sh', '-c', script];
    const container = { ...made.container, command, stdin: true, stdinOnce: once };
    const request = { ...made, container, command };
    await runtime.preparePod(request.pod, []);
    await runtime.startContainer(request);
    await written(runtime, request.id, 'ready');
    const first = runtime.openInput(request.id);
    first.end('one\n');
    if (!once) {
      await new Promise((resolve) => first.once('close', resolve));
      runtime.openInput(request.id).end('two\n');
    }
    expect(await exitOf(request.id)).toMatchObject({ exitCode: 0 });
    expect(await readAll(runtime, request.id)).toBe(once ? 'ready\none\nover\n' : 'ready\none and two\n');
    expect(() => runtime.openInput!(request.id)).toThrow('is not running');
    await runtime.removePod(request.id.podUid);
  });

  it('ends a container with TERM', async () => {
    const { runtime, exitOf } = await open();
    const { id } = await run(runtime, 'term', { log: 'ready\n' });
    await written(runtime, id, 'ready');
    await runtime.stopContainer(id, 10_000);
    expect(await exitOf(id)).toMatchObject({ exitCode: 143, signal: 15, reason: 'Error' });
  });

  it('ends a container that ignores TERM with KILL after its grace period', async () => {
    const { runtime, exitOf } = await open();
    const { id } = await run(runtime, 'stubborn', { log: 'ready\n', ignoresTerm: true });
    await written(runtime, id, 'ready');
    const begunMs = performance.now();
    await runtime.stopContainer(id, 300);
    expect(await exitOf(id)).toMatchObject({ exitCode: 137, signal: 9, reason: 'Error' });
    expect(performance.now() - begunMs).toBeGreaterThanOrEqual(290);
  });

  it('shortens the grace period when asked again, and needs none at all', async () => {
    const { runtime, exitOf } = await open();
    const { id } = await run(runtime, 'hurry', { log: 'ready\n', ignoresTerm: true });
    await written(runtime, id, 'ready');
    await runtime.stopContainer(id, 60_000);
    await runtime.stopContainer(id, 0);
    expect(await exitOf(id)).toMatchObject({ exitCode: 137 });
    await runtime.stopContainer(id, 0);
  });

  it('stops a container that was started a moment ago', async () => {
    const { runtime, exitOf } = await open();
    const { id } = await run(runtime, 'short', {});
    await runtime.stopContainer(id, 0);
    expect(await exitOf(id)).toMatchObject({ exitCode: 137 });
  });

  it('takes the termination message', async () => {
    const { runtime, exitOf } = await open();
    const { id } = await run(runtime, 'message', { durationMs: 0, exitCode: 2, message: 'last words' });
    expect(await exitOf(id)).toMatchObject({ exitCode: 2, message: 'last words' });
  });

  it('reads logs: whole, the last lines, the first bytes, with times', async () => {
    const { runtime, exitOf } = await open();
    const { id } = await run(runtime, 'log', { durationMs: 0, log: 'one\ntwo\nthree\n' });
    await exitOf(id);
    expect(await readAll(runtime, id)).toBe('one\ntwo\nthree\n');
    expect(await readAll(runtime, id, { tailLines: 2 })).toBe('two\nthree\n');
    expect(await readAll(runtime, id, { tailLines: 0 })).toBe('');
    expect(await readAll(runtime, id, { tailLines: 9 })).toBe('one\ntwo\nthree\n');
    expect(await readAll(runtime, id, { limitBytes: 5 })).toBe('one\nt');
    expect(await readAll(runtime, id, { sinceMs: Date.now() + 60_000 })).toBe('');
    expect(await readAll(runtime, id, { timestamps: true, tailLines: 1 })).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z three\n$/,
    );
  });

  it('follows a log until the container has ended, and everything is read', async () => {
    const { runtime } = await open();
    const { id } = await run(runtime, 'follow', { durationMs: 200, log: 'line\n' });
    expect(await readAll(runtime, id, { follow: true })).toBe('line\n');
    expect(runtime.containerState(id)).toMatchObject({ type: 'exited' });
  });

  it('stops following when the reader goes away', async () => {
    const { runtime } = await open();
    const { id } = await run(runtime, 'abort', { log: 'line\n' });
    const abort = new AbortController();
    let text = '';
    for await (const chunk of runtime.readLog(id, { ...wholeLog, follow: true, signal: abort.signal })) {
      text += Buffer.from(chunk).toString();
      abort.abort();
    }
    expect(text).toBe('line\n');
  });

  it('adopts what runs, and reports its exit, after the engine was away', async () => {
    const before = await open();
    const { id } = await run(before.runtime, 'survivor', { durationMs: 700, exitCode: 5, log: 'kept\n' });
    await written(before.runtime, id, 'kept');
    const running = before.runtime.containerState(id);
    await before.runtime.stop();
    const after = await open();
    expect(after.runtime.containerState(id)).toEqual(running);
    expect(await after.exitOf(id)).toMatchObject({ exitCode: 5, reason: 'Error' });
    expect(await readAll(after.runtime, id)).toBe('kept\n');
    expect(before.exits).toEqual([]);
  });

  it('reports exits that happened while the engine was away, once, and always the same', async () => {
    const before = await open();
    const request = await run(before.runtime, 'missed', { durationMs: 0, exitCode: 7, message: 'why' });
    const seen = await before.exitOf(request.id);
    await before.runtime.stop();
    const after = await open();
    expect(after.exits).toEqual([seen]);
    expect(await after.runtime.startContainer(request)).toEqual(seen);
    expect(after.exits).toHaveLength(1);
    expect(after.runtime.podUids()).toEqual([request.id.podUid]);
  });

  it('stops a container that an earlier engine had started', async () => {
    const before = await open();
    const { id } = await run(before.runtime, 'old', { log: 'ready\n' });
    await written(before.runtime, id, 'ready');
    await before.runtime.stop();
    const after = await open();
    await after.runtime.stopContainer(id, 5000);
    expect(await after.exitOf(id)).toMatchObject({ exitCode: 143 });
  });

  it('removes a Pod with all that runs and lies there, as often as asked', async () => {
    const { runtime } = await open();
    const { id } = await run(runtime, 'gone', { ignoresTerm: true });
    const done = await run(runtime, 'done', { durationMs: 0 });
    await runtime.removePod(id.podUid);
    await runtime.removePod(id.podUid);
    expect(runtime.containerState(id)).toBeUndefined();
    expect(runtime.podUids()).toEqual([done.id.podUid]);
    expect(() => runtime.readLog(id, wholeLog)).toThrow();
    await runtime.stop();
    const after = await open();
    expect(after.runtime.podUids()).toEqual([done.id.podUid]);
    expect(after.runtime.containerState(id)).toBeUndefined();
  });

  it('gives a Pod an address while it lives, and takes it back as often as asked', async () => {
    const { runtime } = await open();
    const { hostAddress } = runtime.capabilities;
    const addressIn = (one: Runtime, podUid: string): string => one.podAddress(podUid) ?? hostAddress;
    const { id } = await run(runtime, 'address', { log: 'ready\n' });
    await written(runtime, id, 'ready');
    const address = addressIn(runtime, id.podUid);
    expect(address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    const other = await run(runtime, 'other-address', {});
    const isShared = addressIn(runtime, other.id.podUid) === address;
    expect(isShared).toBe(address === hostAddress);
    // The next engine knows it too, and makes no other one.
    await runtime.stop();
    const after = await open();
    expect(addressIn(after.runtime, id.podUid)).toBe(address);
    await after.runtime.preparePod(machine.request('address', {}).pod, []);
    expect(addressIn(after.runtime, id.podUid)).toBe(address);
    await after.runtime.stopContainer(id, 0);
    await after.exitOf(id);
    await after.runtime.endPod?.(id.podUid);
    await after.runtime.endPod?.(id.podUid);
    expect(after.runtime.containerState(id)).toMatchObject({ type: 'exited' });
  });

  it('runs many containers at once and confuses none', async () => {
    const { runtime, exitOf } = await open();
    const codes = Array.from({ length: crowd }, (_, index) => index);
    const requests = await Promise.all(
      codes.map((exitCode) => run(runtime, `many-${exitCode}`, { durationMs: 0, exitCode, log: `${exitCode}\n` })),
    );
    const exits = await Promise.all(requests.map(({ id }) => exitOf(id)));
    expect(exits.map(({ exitCode }) => exitCode)).toEqual(codes);
    const logs = await Promise.all(requests.map(({ id }) => readAll(runtime, id)));
    expect(logs).toEqual(codes.map((code) => `${code}\n`));
  });
});
