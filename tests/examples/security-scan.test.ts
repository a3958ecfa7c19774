// examples/security-scan: real scanners (yara, dpkg, Lynis) on a planted file system and on real images.
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom, sleep, systemClock } from '../../src/clock/index.ts';
import { imageOf, tarOf, TestRegistry, type TarEntry } from '../../src/runtimes/images/test-images.fixture.ts';
import { removeDirectory, runRondo, startRondo, temporaryDirectory, type Rondo } from '../e2e/rondo.ts';
import { missingParts } from './parts.ts';
import { kubectl, manifestsOf } from './rondo-parts.ts';

const why = missingParts(['dpkg', 'jq', 'lynis', 'yara', 'busybox']);
if (why !== undefined) console.log(`SKIPPED: examples/security-scan: ${why}`);
const directory = fileURLToPath(new URL('../../examples/security-scan/', import.meta.url));
const seed = Number(process.env['SEED'] ?? systemClock.now() % 1_000_000);
/** Images are pulled; the scanner's is this machine's own files. */
const up = { args: ['--runtime', 'sandbox', '--pod-network', 'host'] };

interface Container {
  image: string;
}

interface PodSpec {
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly hostPath: { path: string } }[];
}

interface JobManifest {
  readonly metadata: { name: string };
  readonly spec: { backoffLimit: number; readonly template: { readonly spec: PodSpec } };
}

let rondo: Rondo;
let registry: TestRegistry;
let tracker: Server;
let served = 0;
let root: string;
const scratch = temporaryDirectory();
const ok = (args: readonly string[], input?: unknown): string => kubectl(rondo, args, input);

// Put together here, so that this file is no finding of anybody's.
const eicar = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('');
const cloudKey = `AKI${'A'}IOSFODNN7EXAMPLE`;
const keyBody = 'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3ODk=';
const privateKey = [`-----BEGIN RSA ${'PRIVATE'} KEY-----`, keyBody, keyBody, '-----END', ''].join('\n');

const passwd = 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n';
const osRelease = 'NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n';
const packages = (curl: string): string =>
  [
    `Package: curl\nStatus: install ok installed\nVersion: ${curl}\nDescription: a client\n more of it`,
    'Package: libssl3\nStatus: install ok installed\nSource: openssl (3.0.9-1)\nVersion: 3.0.9-1+b1',
    'Package: gone\nStatus: deinstall ok config-files\nVersion: 1.0',
    'Package: vim-tiny\nStatus: install ok installed\nSource: vim\nVersion: 2:9.0.1378-2',
    '',
  ].join('\n\n');

/** In the shape of Debian's tracker. */
const faults = {
  curl: {
    'CVE-2023-38545': {
      releases: { bookworm: { status: 'resolved', fixed_version: '7.88.1-10+deb12u4', urgency: 'high**' } },
    },
    'CVE-2019-0001': { releases: { bookworm: { status: 'resolved', fixed_version: '0', urgency: 'high' } } },
  },
  openssl: {
    'CVE-2023-5363': { releases: { bookworm: { status: 'resolved', fixed_version: '3.0.8-1', urgency: 'high' } } },
  },
  vim: { 'CVE-2023-4738': { releases: { bookworm: { status: 'open', urgency: 'unimportant' } } } },
  gone: { 'CVE-2020-0001': { releases: { bookworm: { status: 'open', urgency: 'high' } } } },
};

/** A file below the planted root. */
function plant(path: string, content: string, mode = 0o644): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
  chmodSync(join(root, path), mode);
}

function makeClean(): void {
  plant('etc/os-release', osRelease);
  plant('etc/passwd', passwd);
  plant('etc/group', 'root:x:0:\nwww-data:x:33:\n');
  plant('etc/config', 'nothing to see\n');
  plant('var/lib/dpkg/status', packages('7.88.1-10+deb12u5'));
  for (const path of ['srv/upload.com', 'home/deploy/key', 'srv/app/settings.env']) plant(path, '');
}

function makeBad(): void {
  plant('srv/upload.com', eicar);
  plant('home/deploy/key', privateKey, 0o600);
  plant('srv/app/settings.env', `KEY=${cloudKey}\n`);
  plant('etc/passwd', `${passwd}toor:x:0:0::/root:/bin/sh\n`);
  plant('etc/config', 'nothing to see\n', 0o666);
  plant('var/lib/dpkg/status', packages('7.88.1-10+deb12u3'));
}

const lowFinding = 'low\tCVE-2023-4738\tvim-tiny 2:9.0.1378-2 (no fix yet)';
const badFindings = [
  'critical\teicar\t/srv/upload.com',
  'high\tAUTH-9204\tMultiple users with UID 0 found in passwd file',
  'high\tAUTH-9208\tMultiple accounts found with same UID',
  'high\tCVE-2023-38545\tcurl 7.88.1-10+deb12u3 (fixed in 7.88.1-10+deb12u4)',
  'high\tcloud_access_key\t/srv/app/settings.env',
  'high\tprivate_key\t/home/deploy/key',
  'high\tworld_writable\t/etc/config',
];

/** On this machine's tools instead of the scanner's image. */
function onHostTools(job: JobManifest): JobManifest {
  const { initContainers, containers } = job.spec.template.spec;
  for (const container of [...initContainers, ...containers])
    if (container.image.includes('/security-scan:')) container.image = 'rondo.dev/host';
  return job;
}

function startHostScan(name: string): void {
  const text = ok(['create', 'job', name, '--from=cronjob/scan-host', '--dry-run=client', '-o', 'json']);
  const job = onHostTools(JSON.parse(text) as JobManifest);
  job.spec.template.spec.volumes.find((volume) => volume.name === 'target')!.hostPath.path = root;
  ok(['create', '-f', '-'], job);
}

function startImageScan(name: string, image: string): void {
  const [job] = manifestsOf<JobManifest>(`${directory}image.yaml`) as [JobManifest];
  onHostTools(job).metadata.name = name;
  job.spec.template.spec.initContainers[0]!.image = image;
  ok(['create', '-f', '-'], job);
}

/** Tracker and registry are in this process, which kubectl blocks: waits until so many scans have got what they need. */
async function indexServed(scans = 1): Promise<void> {
  for (const wanted = served + scans; served < wanted;) await sleep(systemClock, 10);
}

/** The end of a Job: its last condition's type and reason, how many of its Pods failed, and what the scan said. */
function endOf(name: string): { end: string; failed: string; log: string; findings: string[] } {
  const conditions = '{.status.conditions[?(@.status=="True")].type}';
  while (!/Complete|Failed/.test(ok(['get', 'job', name, '-o', `jsonpath=${conditions}`])));
  const status = '{.status.conditions[-1:].type} {.status.conditions[-1:].reason}/{.status.failed}';
  const [end = '', failed = ''] = ok(['get', 'job', name, '-o', `jsonpath=${status}`]).split('/');
  const newest = ['--sort-by=.metadata.creationTimestamp', '-o', 'jsonpath={.items[-1:].metadata.name}'];
  const pods = ok(['get', 'pods', '-l', `job-name=${name}`, ...newest]);
  const log = ok(['logs', pods, '-c', 'scan']);
  return { end, failed, log, findings: log.trimEnd().split('\n') };
}

describe.skipIf(why !== undefined)('the security scan', { timeout: 180_000 }, () => {
  beforeAll(async () => {
    console.log(`seed ${seed}`);
    root = join(scratch, 'root');
    makeClean();
    tracker = createServer((_request, response) => {
      response.on('finish', () => served++).end(JSON.stringify(faults));
    }).listen(0, '127.0.0.1');
    [registry, rondo] = await Promise.all([TestRegistry.start(), startRondo(up)]);
    const [settings, claim] = manifestsOf<{ data: Record<string, string> }>(`${directory}settings.yaml`);
    settings!.data['INDEX_URL'] = `http://127.0.0.1:${(tracker.address() as AddressInfo).port}/`;
    for (const object of [settings, claim]) ok(['create', '-f', '-'], object);
    // As they are, with nothing unknown in them.
    const files = ['scripts.yaml', 'host.yaml', 'trivy.yaml'].flatMap((file) => ['-f', directory + file]);
    ok(['apply', '--validate=strict', ...files]);
    ok(['apply', '--validate=strict', '--dry-run=server', '-f', `${directory}image.yaml`]);
    for (const name of ['scan-host', 'scan-image-with-trivy'])
      ok(['patch', 'cronjob', name, '--type=merge', '-p', '{"spec":{"suspend":true}}']);
  });
  afterAll(async () => {
    expect(await rondo.stop()).toBe(0);
    await registry.stop();
    tracker.close();
    removeDirectory(rondo.dataDir);
    removeDirectory(scratch);
  });

  it('runs every morning, and once more only when a scanner has failed', () => {
    const { status, stdout } = runRondo(['test', `${directory}schedule.test.yaml`]);
    expect(`${status}\n${stdout}`).toMatch(/^0\n[^]*4 of 4 expectations hold/);
  });

  it('passes a clean machine, of whose faults none is bad enough', async () => {
    startHostScan('clean');
    await indexServed();
    const { end, findings } = endOf('clean');
    expect(end).toBe('Complete CompletionsReached');
    expect(findings).toEqual([`new\t${lowFinding}`, '1 findings, 0 of them at least high']);
  });

  it('finds everything that was planted, fails the Job at once, and shows no secret', async () => {
    makeBad();
    startHostScan('bad');
    await indexServed();
    const { end, failed, log, findings } = endOf('bad');
    expect(findings).toEqual([
      ...badFindings.map((finding) => `new\t${finding}`),
      `still\t${lowFinding}`,
      '8 findings, 7 of them at least high',
    ]);
    // Severity decides the exit code, and the exit code that no other attempt is made.
    expect([end, failed]).toEqual(['Failed PodFailurePolicy', '1']);
    for (const hidden of [cloudKey, keyBody, eicar]) expect(log).not.toContain(hidden);
  });

  it('tells what is new, what is still there and what is gone', async () => {
    plant('srv/upload.com', '');
    plant('etc/new', 'x', 0o666);
    startHostScan('changed');
    await indexServed();
    const { findings } = endOf('changed');
    expect(findings.filter((line) => !line.startsWith('still\t'))).toEqual([
      'new\thigh\tworld_writable\t/etc/new',
      'gone\tcritical\teicar\t/srv/upload.com',
      '8 findings, 7 of them at least high',
    ]);
  });

  it('scans an image: a bad one fails, a clean one passes', async () => {
    const busybox: TarEntry = { name: 'bin/busybox', content: readFileSync('/bin/busybox'), mode: 0o755 };
    const links = ['sh', 'cp'].map((name): TarEntry => ({ name: `bin/${name}`, type: 'symlink', target: 'busybox' }));
    const base = (curl: string): TarEntry[] => [
      { name: 'etc/os-release', content: osRelease },
      { name: 'etc/passwd', content: passwd },
      { name: 'etc/group', content: 'root:x:0:\n' },
      { name: 'var/lib/dpkg/status', content: packages(curl) },
    ];
    const planted: TarEntry[] = [{ name: 'opt/app/id_rsa', content: privateKey, mode: 0o600 }];
    const layers = (...tars: TarEntry[][]): ReturnType<typeof imageOf> =>
      imageOf(
        [[busybox, ...links], ...tars].map((entries) => ({ tar: tarOf(entries) })),
        { Env: ['PATH=/bin'] },
      );
    registry.push('bad', layers(base('7.88.1-10+deb12u3'), planted));
    registry.push('clean', layers(base('7.88.1-10+deb12u5')));
    startImageScan('image-bad', `${registry.host}/test/shell:bad`);
    startImageScan('image-clean', `${registry.host}/test/shell:clean`);
    await indexServed(2);
    const [bad, clean] = [endOf('image-bad'), endOf('image-clean')];
    expect([bad.end, clean.end]).toEqual(['Failed PodFailurePolicy', 'Complete CompletionsReached']);
    expect(
      bad.findings.filter((line) => line.includes('\thigh\t')).map((line) => line.split('\t').slice(2).join(' ')),
    ).toEqual(['CVE-2023-38545 curl 7.88.1-10+deb12u3 (fixed in 7.88.1-10+deb12u4)', 'private_key /opt/app/id_rsa']);
  });

  it('tries again when a scanner fails, and comes out right though the engine is killed', async () => {
    const url = ok(['get', 'configmap', 'security-scan', '-o', 'jsonpath={.data.INDEX_URL}']);
    const setUrl = (to: string): string =>
      ok(['patch', 'configmap', 'security-scan', '--type=merge', '-p', JSON.stringify({ data: { INDEX_URL: to } })]);
    setUrl('http://127.0.0.1:9/');
    startHostScan('retried');
    while (ok(['get', 'job', 'retried', '-o', 'jsonpath={.status.failed}']) !== '1') await sleep(systemClock, 20);
    setUrl(url);
    const phases = (): string =>
      ok(['get', 'pods', '-l', 'job-name=retried', '-o', 'jsonpath={.items[*].status.phase}']);
    while (!phases().includes('Running')) await sleep(systemClock, 20);
    await sleep(systemClock, seededRandom(seed).float() * 3000);
    expect(await rondo.stop('SIGKILL')).toBeNull();
    rondo = await startRondo({ ...up, dataDir: rondo.dataDir });
    const { end, failed } = endOf('retried');
    expect([end, failed]).toEqual(['Failed PodFailurePolicy', '2']);
    const claim = ok(['get', 'pvc', 'security-reports', '-o', 'jsonpath={.spec.volumeName}']);
    const path = ok(['get', 'pv', claim, '-o', 'jsonpath={.spec.local.path}{.spec.hostPath.path}']);
    expect(readdirSync(join(path, 'host')).toSorted()).toEqual(
      ['bad', 'changed', 'clean', 'retried'].map((name) => `${name}.tsv`),
    );
    const report = (name: string): string => readFileSync(join(path, 'host', `${name}.tsv`), 'utf8');
    expect(report('retried')).toBe(report('changed'));
  });
});
