import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resources, type CertificateSigningRequest, type Draft } from '../../src/api/index.ts';
import { seededRandom, systemClock, systemRandom } from '../../src/clock/index.ts';
import { ensureCertificates, type Certificates } from '../../src/engine/certificates.ts';
import { makeClientRequest } from '../../src/engine/client-request.ts';
import { certificateSigner } from '../../src/engine/sign-certificate.ts';
import { startTestEngine, type TestEngine } from '../../src/testing/index.ts';

const resource = resources.certificateSigningRequests;
const signerName = 'kubernetes.io/kube-apiserver-client';
let engine: TestEngine;
let certificates: Certificates;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rondo-csr-'));
  const nowMs = systemClock.now();
  certificates = await ensureCertificates({ directory, hosts: [], nowMs, random: systemRandom });
  const signCertificate = certificateSigner({ directory, clock: systemClock, random: seededRandom(1) });
  engine = await startTestEngine({ signCertificate });
});
afterAll(async () => {
  await engine.stop();
  rmSync(directory, { recursive: true });
});

async function ask(
  name: string,
  more: Partial<CertificateSigningRequest['spec']> = {},
  groups = ['devs'],
): Promise<CertificateSigningRequest> {
  const { request } = await makeClientRequest('ann', groups);
  const spec = { request: Buffer.from(request).toString('base64'), signerName, usages: ['client auth'], ...more };
  return engine.client.create(resource, { metadata: { name }, spec } as Draft<CertificateSigningRequest>);
}

function decide(name: string, type: string): Promise<CertificateSigningRequest> {
  const body = { status: { conditions: [{ type, status: 'True', reason: 'Test' }] } };
  return engine.client.patch(
    resource,
    { name, namespace: undefined },
    { type: 'merge', body },
    { subresource: 'approval' },
  );
}

const read = (name: string): Promise<CertificateSigningRequest> =>
  engine.client.get(resource, { name, namespace: undefined });

/** What became of it, once it is there: the signer takes real time. */
function settled(name: string): Promise<CertificateSigningRequest['status']> {
  return new Promise((resolve, reject) => {
    const options = { fieldSelector: `metadata.name=${name}`, resourceVersion: '0' };
    const watch = engine.client.watch(resource, options, {
      onEvents: (events) => {
        for (const event of events) {
          if (event.type === 'BOOKMARK') continue;
          const { status } = event.object;
          if (status?.certificate === undefined && !status?.conditions?.some(({ type }) => type === 'Failed')) continue;
          resolve(status);
          watch.close();
        }
      },
      onEnd: (error) => reject(error ?? new Error('ended')),
    });
  });
}

describe('a request for a certificate', () => {
  it('says who asks, whatever it claims, and waits for a decision', async () => {
    const created = await ask('waits', { username: 'somebody-else', groups: ['system:masters'] });
    expect(created.spec.username).toBe('rondo-admin');
    expect(created.spec.groups).toEqual(['system:masters', 'system:authenticated']);
    await engine.clock.advance(3600_000);
    expect((await read('waits')).status).toEqual({});
  });

  it('is signed when it is approved: for the user and the groups that it names, for no longer than it asks', async () => {
    await ask('good', { expirationSeconds: 3600 });
    const approved = await decide('good', 'Approved');
    expect(approved.status?.conditions).toMatchObject([{ type: 'Approved', lastTransitionTime: expect.any(String) }]);
    await engine.clock.advance(1000);
    const status = await settled('good');
    const certificate = new X509Certificate(Buffer.from(status?.certificate ?? '', 'base64'));
    expect(certificate.subject.split('\n').sort()).toEqual(['CN=ann', 'O=devs']);
    expect(certificate.verify(new X509Certificate(certificates.ca).publicKey)).toBe(true);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.ca).toBe(false);
    expect(Date.parse(certificate.validTo)).toBeLessThanOrEqual(systemClock.now() + 3600_000);
    await engine.clock.advance(3600_000);
    await expect(read('good')).rejects.toMatchObject({ code: 404 });
  });

  it('is not signed when it is denied, and a decision is final', async () => {
    await ask('bad');
    await decide('bad', 'Denied');
    await expect(decide('bad', 'Approved')).rejects.toMatchObject({
      message: expect.stringContaining('updates may not remove a condition of type "Denied"'),
    });
    await engine.clock.advance(1000);
    expect((await read('bad')).status?.certificate).toBeUndefined();
  });

  it('fails when its usages are none of a client', async () => {
    await ask('server', { usages: ['server auth'] });
    await decide('server', 'Approved');
    await engine.clock.advance(1000);
    expect((await settled('server'))?.conditions).toMatchObject([
      { type: 'Approved' },
      { type: 'Failed', reason: 'SignerValidationFailure' },
    ]);
  });

  it('makes nobody an administrator', async () => {
    await expect(ask('master', {}, ['devs', 'system:masters'])).rejects.toMatchObject({
      code: 403,
      message: expect.stringContaining(`use of ${signerName} signer with system:masters group is not allowed`),
    });
  });

  it('is decided by nobody in its status', async () => {
    const created = await ask('sneaky');
    const conditions = [{ type: 'Approved', status: 'True' }];
    await expect(
      engine.client.updateStatus(resource, { ...created, status: { conditions } } as never),
    ).rejects.toMatchObject({
      message: expect.stringContaining('updates may not add a condition of type "Approved"'),
    });
  });

  it.each([
    ['no PEM', { request: Buffer.from('x').toString('base64') }, 'spec.request: Invalid value'],
    ['no usages', { usages: [] }, 'spec.usages: Required value'],
    ['an unknown usage', { usages: ['magic'] }, 'spec.usages[0]: Unsupported value: "magic"'],
    ['no path', { signerName: 'example.com' }, 'spec.signerName: Invalid value: "example.com"'],
    ['a life too short', { expirationSeconds: 599 }, 'may not specify a duration less than 600 seconds (10 minutes)'],
  ])('is refused with %s', async (_name, more, text) => {
    await expect(ask('refused', more)).rejects.toMatchObject({ code: 422, message: expect.stringContaining(text) });
  });
});
