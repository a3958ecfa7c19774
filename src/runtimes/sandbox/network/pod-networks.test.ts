import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildShim } from '../../../../tools/build.mjs';
import { systemClock as clock } from '../../../clock/index.ts';
import { silentLogger as log } from '../../../log/index.ts';
import { readClaim } from '../../wrapped/index.ts';
import { sandboxProblem } from '../probe-sandbox.ts';
import { dialThrough } from './dial.ts';
import { ipNetwork } from './ip-network.ts';
import type { NetworkCommands } from './network-commands.ts';
import { PodNetworks, type PodNetwork } from './pod-networks.ts';
import { shimNetwork } from './shim-network.ts';
import { parseSubnet } from './subnet.ts';

const tools = new Map(
  ['ip', 'nsenter', 'unshare'].map((name) => [
    name,
    ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].map((place) => `${place}/${name}`).find((path) => existsSync(path)),
  ]),
);
const problem = await sandboxProblem();
const shim = fileURLToPath(new URL('../../../../dist/shim/rondo-shim', import.meta.url));
const ways: [string, NetworkCommands][] = [];
if (problem === undefined && buildShim()) ways.push(['the shim', shimNetwork(shim)]);
else console.log(`SKIPPED: networks made by the shim: ${problem ?? 'no C compiler'}`);
if (problem === undefined && [...tools.values()].every((path) => path !== undefined))
  ways.push(['ip(8)', ipNetwork((name) => tools.get(name)!)]);
else console.log(`SKIPPED: networks made by ip(8): ${problem ?? 'it is not there'}`);

let directory: string;
let opened: PodNetworks[] = [];
let servers: ChildProcess[] = [];

/** Until this holds: for what the kernel or another process does a moment later. */
async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The interfaces of the host that belong to this test's networks. */
function interfaces(): string[] {
  return readdirSync('/sys/class/net').filter((name) => {
    const alias = `/sys/class/net/${name}/ifalias`;
    return existsSync(alias) && readFileSync(alias, 'utf8').includes(directory);
  });
}

/** Processes whose arguments name this test's directory. */
function processes(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory);
      } catch {
        return false;
      }
    });
}

const server = `require('node:net').createServer((s) => s.end(process.argv[1])).listen(8080, process.argv[2], () => console.log('ready'))`;

/** Answers with `word` on port 8080 in a Pod's network. */
async function serve(network: PodNetwork, word: string, address: string): Promise<void> {
  const args = [`--net=${network.namespace}`, process.execPath, '-e', server, word, address];
  const child = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  servers.push(child);
  await new Promise((resolve) => child.stdout.once('data', resolve));
}

async function endServers(): Promise<void> {
  for (const child of servers.splice(0)) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}

function ask(host: string): Promise<string> {
  return text(connect({ host, port: 8080 }));
}

/** Asks from inside another network. */
function askFrom(network: PodNetwork, host: string): string {
  const script = `require('node:net').connect({ host: process.argv[1], port: 8080, timeout: 5000 }).pipe(process.stdout)`;
  return execFileSync('nsenter', [`--net=${network.namespace}`, process.execPath, '-e', script, host], {
    encoding: 'utf8',
    timeout: 10_000,
  });
}

describe.each(ways)('networks of Pods, made by %s', (way, commands) => {
  function open(subnet?: string): PodNetworks {
    const chosen = subnet === undefined ? undefined : parseSubnet(subnet);
    const networks = new PodNetworks({ directory: join(directory, 'networks'), commands, clock, log, subnet: chosen });
    opened.push(networks);
    return networks;
  }

  const pod = (podUid: string): { podUid: string; reusable: boolean } => ({ podUid, reusable: true });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'rondo-networks-'));
  });

  afterEach(async () => {
    await endServers();
    for (const networks of opened.splice(0)) await networks.stop();
    const last = open();
    await last.adopt(() => false);
    await last.stop();
    opened = [];
    await until(() => processes().length === 0, 'all processes end');
    await until(() => interfaces().length === 0, 'the interface of the host goes');
    rmSync(directory, { recursive: true, force: true });
  });

  it('have addresses of their own, so that two Pods listen on one port and reach each other', async () => {
    const networks = open();
    const [a, b] = await Promise.all([networks.acquire(pod('a')), networks.acquire(pod('b'))]);
    expect(a.address).not.toBe(b.address);
    await serve(a, 'from a', '0.0.0.0');
    await serve(b, 'from b', '0.0.0.0');
    expect([await ask(a.address), await ask(b.address)]).toEqual(['from a', 'from b']);
    expect([askFrom(a, b.address), askFrom(b, a.address)]).toEqual(['from b', 'from a']);
    expect(interfaces()).toHaveLength(1);
  });

  it('lead to the host, and the host into them, also where a Pod listens for itself alone', async () => {
    const networks = open();
    const a = await networks.acquire(pod('a'));
    const state = await networks.up();
    expect(state).toMatchObject({ type: 'up', gateway: expect.stringMatching(/^10\.20\d\.\d+\.1$/) as string });
    await serve(a, 'hidden', '127.0.0.1');
    expect(await text(dialThrough(commands.dial(a.holderPid, 8080)))).toBe('hidden');
    await expect(ask(a.address)).rejects.toThrow('ECONNREFUSED');
    await expect(text(dialThrough(commands.dial(a.holderPid, 8081)))).rejects.toThrow('connection refused');
    const here = `require('node:net').createServer((s) => s.end('host')).listen(8080, process.argv[1], () => console.log('ready'))`;
    const child = spawn(process.execPath, ['-e', here, (state as { gateway: string }).gateway], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    servers.push(child);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(askFrom(a, (state as { gateway: string }).gateway)).toBe('host');
  });

  it('are the same for a Pod however often it asks, and serve the next Pod if nothing is left in them', async () => {
    const networks = open();
    const first = await networks.acquire(pod('a'));
    expect(await networks.acquire(pod('a'))).toEqual(first);
    networks.release('a');
    networks.release('a');
    expect(networks.of('a')).toBeUndefined();
    expect(await networks.acquire(pod('b'))).toEqual(first);
  });

  it('serve nobody else once a connection was left in them, or a Pod might have changed them', async () => {
    const networks = open();
    const used = await networks.acquire(pod('a'));
    await serve(used, 'x', '0.0.0.0');
    // The side that ends it first remembers it for a minute.
    await ask(used.address);
    await endServers();
    networks.release('a');
    const changed = await networks.acquire({ podUid: 'b', reusable: false });
    expect(changed.address).not.toBe(used.address);
    networks.release('b');
    const third = await networks.acquire(pod('c'));
    expect([used.address, changed.address]).not.toContain(third.address);
    expect(existsSync(`/proc/${changed.holderPid}/ns/net`)).toBe(false);
  });

  it('stay with their Pods when the engine is gone, and only theirs', async () => {
    const before = open();
    const kept = await before.acquire(pod('kept'));
    const lost = await before.acquire(pod('lost'));
    const free = await before.acquire(pod('free'));
    before.release('free');
    await before.stop();
    opened = [];
    await until(() => !existsSync(`/proc/${free.holderPid}/ns`), 'what belongs to no Pod ends');
    expect(processes()).toHaveLength(3);
    const after = open();
    await after.adopt((uid) => uid === 'kept');
    expect(after.of('kept')).toEqual(kept);
    expect(after.of('lost')).toBeUndefined();
    expect(existsSync(`/proc/${lost.holderPid}/ns/net`)).toBe(false);
    await serve(kept, 'still', '0.0.0.0');
    expect(await ask(kept.address)).toBe('still');
    const next = await after.acquire(pod('next'));
    expect(askFrom(next, kept.address)).toBe('still');
  });

  it('leave nothing when the engine is killed and no Pod has one', async () => {
    const script = `
      import { PodNetworks } from ${JSON.stringify(new URL('./pod-networks.ts', import.meta.url).href)};
      import { shimNetwork } from ${JSON.stringify(new URL('./shim-network.ts', import.meta.url).href)};
      import { ipNetwork } from ${JSON.stringify(new URL('./ip-network.ts', import.meta.url).href)};
      import { systemClock as clock } from ${JSON.stringify(new URL('../../../clock/index.ts', import.meta.url).href)};
      import { silentLogger as log } from ${JSON.stringify(new URL('../../../log/index.ts', import.meta.url).href)};
      const tools = new Map(${JSON.stringify([...tools])});
      const commands = ${way === 'the shim' ? `shimNetwork(${JSON.stringify(shim)})` : 'ipNetwork((name) => tools.get(name))'};
      const networks = new PodNetworks({ directory: ${JSON.stringify(join(directory, 'networks'))}, commands, clock, log });
      await Promise.all(['a', 'b', 'c'].map((podUid) => networks.acquire({ podUid, reusable: true })));
      for (const uid of ['a', 'b', 'c']) networks.release(uid);
      console.log('ready');
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const made = processes().filter((pid) => pid !== child.pid);
    expect(made.length).toBeGreaterThanOrEqual(4);
    child.kill('SIGKILL');
    await ended;
    await until(() => made.every((pid) => !existsSync(`/proc/${pid}/ns/net`)), 'all processes end');
    await until(() => interfaces().length === 0, 'the interface of the host goes');
  });

  it('are plugged into a new switch when the old one was killed', async () => {
    const networks = open();
    const a = await networks.acquire(pod('a'));
    const before = await networks.up();
    await serve(a, 'again', '0.0.0.0');
    const holder = readClaim(join(directory, 'networks/switch'))!.wrapper.pid;
    process.kill(holder, 'SIGKILL');
    await until(() => !existsSync(`/proc/${holder}/ns/net`) && interfaces().length === 0, 'the switch has gone');
    expect(await networks.up()).toEqual(before);
    expect(networks.of('a')).toEqual(a);
    expect(await ask(a.address)).toBe('again');
  });

  it('are missing where the wanted addresses are in use, or all given away', async () => {
    const taken = open('127.0.0.0/16');
    expect(await taken.up()).toEqual({
      type: 'none',
      why: '127.0.0.0/16 overlaps with the route to 127.0.0.0/8',
    });
    await expect(taken.acquire(pod('a'))).rejects.toMatchObject({ reason: 'FailedCreatePodSandBox' });
    const small = open('10.250.250.248/30');
    expect((await small.acquire(pod('a'))).address).toBe('10.250.250.250');
    await expect(small.acquire(pod('b'))).rejects.toThrow('all 1 addresses of 10.250.250.248/30 are in use');
  });
});
