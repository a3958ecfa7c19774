import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/index.ts';
import { ensureCertificates, type Certificates } from './certificates.ts';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'rondo-pki-'))));
afterEach(() => rmSync(directory, { recursive: true }));

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 10, 23);
const ensure = (nowMs: number, hosts: readonly string[] = []): Promise<Certificates> =>
  ensureCertificates({ directory, hosts, nowMs, random: seededRandom(nowMs) });

describe('ensureCertificates', () => {
  it('makes a CA, a server certificate for loopback and an administrator, in private files', async () => {
    const made = await ensure(startMs, ['box.example']);
    const [ca, server, admin] = [made.ca, made.serverCert, made.adminCert].map((pem) => new X509Certificate(pem));
    expect([server!.verify(ca!.publicKey), admin!.verify(ca!.publicKey), ca!.ca]).toEqual([true, true, true]);
    expect([
      server!.checkIP('127.0.0.1'),
      server!.checkHost('localhost'),
      server!.checkHost('box.example'),
    ]).not.toContain(undefined);
    expect(server!.checkHost('other.example')).toBeUndefined();
    expect(admin!.subject.split('\n').sort()).toEqual(['CN=rondo-admin', 'O=system:masters']);
    for (const name of ['ca.key', 'server.key', 'admin.key', 'admin.crt'])
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  });

  it('keeps what is good', async () => {
    const first = await ensure(startMs);
    expect(await ensure(startMs + 100 * dayMs)).toEqual(first);
  });

  it('renews the leaves before they end, under the same CA', async () => {
    const first = await ensure(startMs);
    const second = await ensure(startMs + 340 * dayMs);
    expect(second.ca.trim()).toBe(first.ca.trim());
    expect(second.serverCert).not.toBe(first.serverCert);
    expect(new X509Certificate(second.serverCert).verify(new X509Certificate(first.ca).publicKey)).toBe(true);
  });

  it('adds a host that was not in the certificate', async () => {
    await ensure(startMs);
    const second = await ensure(startMs, ['192.0.2.7']);
    expect(new X509Certificate(second.serverCert).checkIP('192.0.2.7')).toBe('192.0.2.7');
    expect(readFileSync(join(directory, 'server.crt'), 'utf8')).toBe(second.serverCert);
  });

  it.each(['server.crt', 'server.key', 'admin.key', 'ca.crt'])(
    'makes new ones when %s is empty, as after a loss of power',
    async (name) => {
      await ensure(startMs);
      writeFileSync(join(directory, name), '');
      const second = await ensure(startMs + dayMs);
      const ca = new X509Certificate(second.ca);
      expect(new X509Certificate(second.serverCert).verify(ca.publicKey)).toBe(true);
      expect(await ensure(startMs + dayMs)).toEqual(second);
    },
  );

  it('makes new ones when a key is not that of its certificate', async () => {
    const first = await ensure(startMs);
    writeFileSync(join(directory, 'server.key'), first.adminKey);
    const second = await ensure(startMs + dayMs);
    expect(new X509Certificate(second.serverCert).checkPrivateKey(createPrivateKey(second.serverKey))).toBe(true);
  });
});
