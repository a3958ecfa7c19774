import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { promises as dnsPromises } from 'node:dns';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../clock/index.ts';
import { silentLogger as log } from '../../log/index.ts';
import type { NameAnswer, Question } from './cluster-names.ts';
import { HostNameServers } from './host-name-servers.ts';
import { NameServer, type NameServerOptions } from './name-server.ts';

const address = '127.0.0.1';
const servers: NameServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server, and a resolver of Node's own (c-ares) that asks it. */
async function open(options: Partial<NameServerOptions>) {
  const server = new NameServer({
    ...{ address, port: 0, from: () => true, others: () => [], clock, log },
    answer: () => undefined,
    ...options,
  });
  const port = await server.open();
  servers.push(server);
  const resolver = new dnsPromises.Resolver({ timeout: 5000, tries: 1 });
  resolver.setServers([`${address}:${port}`]);
  return { resolver, port };
}

const addresses = (count: number): NameAnswer['records'] =>
  Array.from({ length: count }, (_, at) => ({
    name: 'many.test',
    ttl: 5,
    type: 'A',
    data: `10.0.${at >> 8}.${at & 255}`,
  }));
const known = ({ name }: Question): NameAnswer | undefined => {
  if (name === 'none.test') return { exists: false, records: [] };
  if (name === 'empty.test') return { exists: true, records: [] };
  return name === 'many.test' ? { exists: true, records: addresses(300) } : undefined;
};

describe('the name server', () => {
  it('answers what it knows, over TCP what is too long for UDP', async () => {
    const { resolver } = await open({ answer: known });
    expect(await resolver.resolve4('many.test')).toEqual(addresses(300).map(({ data }) => data));
    await expect(resolver.resolve4('none.test')).rejects.toThrow('ENOTFOUND');
    await expect(resolver.resolve4('empty.test')).rejects.toThrow('ENODATA');
  });

  it('asks others for the rest, over UDP and TCP, one after the other', async () => {
    const other = await open({ answer: known });
    const { resolver } = await open({ others: () => [`${address}:${other.port}`] });
    expect(await resolver.resolve4('many.test')).toHaveLength(300);
    await expect(resolver.resolve4('none.test')).rejects.toThrow('ENOTFOUND');
    // Nobody listens at the first: the machine says so at once.
    const unused = createSocket('udp4').bind(0, address);
    await once(unused, 'listening');
    const { port } = unused.address();
    unused.close();
    const second = await open({ others: () => [`${address}:${port}`, `${address}:${other.port}`] });
    await expect(second.resolver.resolve4('empty.test')).rejects.toThrow('ENODATA');
    const alone = await open({});
    await expect(alone.resolver.resolve4('many.test')).rejects.toThrow('ESERVFAIL');
  });

  it('says nothing to strangers and to what is no question, and goes on', async () => {
    let isFriend = false;
    const { resolver, port } = await open({ answer: known, from: () => isFriend });
    const stranger = connect({ host: address, port });
    await once(stranger, 'close');
    isFriend = true;
    const noise = createSocket('udp4');
    for (const bytes of ['', 'x', 'x'.repeat(40), '\0'.repeat(12)]) noise.send(bytes, port, address);
    await expect(resolver.resolve4('none.test')).rejects.toThrow('ENOTFOUND');
    noise.close();
  });

  it('reads whom the host asks again when that has changed', () => {
    const directory = mkdtempSync(join(tmpdir(), 'rondo-resolv-'));
    const file = join(directory, 'resolv.conf');
    const host = new HostNameServers(file);
    expect(host.addresses()).toEqual([]);
    writeFileSync(file, '# nameserver 9.9.9.9\nsearch a.b\nnameserver 1.1.1.1\n  nameserver fe80::1\n');
    expect(host.addresses()).toEqual(['1.1.1.1', 'fe80::1']);
    writeFileSync(file, 'nameserver 8.8.8.8\n');
    utimesSync(file, 1, 1);
    expect(host.addresses()).toEqual(['8.8.8.8']);
    rmSync(directory, { recursive: true });
  });
});
