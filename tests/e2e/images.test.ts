import { readdirSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { resources, type Job, type Pod } from '../../src/api/index.ts';
import { digest, imageOf, tarOf, TestRegistry } from '../../src/runtimes/images/test-images.fixture.ts';
import { sandboxProblem } from '../../src/runtimes/sandbox/index.ts';
import { clientFor } from './api.ts';
import { removeDirectory, runRondo, startRondo, temporaryDirectory, type Rondo } from './rondo.ts';
import { imageExecutors, shellTars as tars } from './shell-image.ts';
import { deferred, untilInDirectory, waitForObjects } from './waiting.ts';

const problem = await sandboxProblem();
if (problem !== undefined) console.log(`images are not run here: ${problem}`);

let rondo: Rondo;
let registry: TestRegistry;
const scratch = temporaryDirectory();
afterAll(() => removeDirectory(scratch));

const script = 'read -r text </etc/hello; echo "$text, $GREETING, in $PWD"; echo mine >/desk/file; exit 0';
const image = imageOf(
  tars.map((tar) => ({ tar })),
  {
    Entrypoint: ['/bin/sh', '-c'],
    Cmd: [script],
    Env: ['GREETING=hi', 'PATH=/bin'],
    User: 'alice',
    WorkingDir: '/desk',
  },
);

describe.runIf(problem === undefined).each(imageExecutors)('images, run by $executor', ({ executor, options }) => {
  beforeAll(async () => {
    registry = await TestRegistry.start();
    registry.push('1', image);
    rondo = await startRondo(options);
    expect(rondo.stderr()).toContain(`executor=${executor}`);
  });
  afterAll(async () => {
    rondo.kubectl(['delete', 'jobs,pods', '--all', '--timeout=30s']);
    await rondo.stop();
    await registry.stop();
    removeDirectory(rondo.dataDir);
  });

  afterEach(() => {
    registry.intercept = () => false;
  });

  async function runJob(name: string, container: object): Promise<Pod> {
    const client = clientFor(rondo);
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', ...container }] } };
    await client.create<Job>(resources.jobs, {
      metadata: { name, namespace: 'default' },
      spec: { backoffLimit: 0, template },
    });
    const pods = await waitForObjects<Pod>(client, resources.pods, {
      what: `the end of ${name}`,
      labelSelector: `job-name=${name}`,
      until: ([pod]) => pod?.status.phase === 'Succeeded' || pod?.status.phase === 'Failed',
    });
    return pods[0]!;
  }

  it('pulls an image from a registry and runs it with its own defaults', async () => {
    const pod = await runJob('pulled', { image: `${registry.host}/test/shell:1` });
    expect(rondo.kubectl(['logs', 'job/pulled']).stdout).toBe('from the image, hi, in /desk\n');
    expect(pod.status.phase).toBe('Succeeded');
    expect(pod.status.containerStatuses?.[0]?.imageID).toBe(`${registry.host}/test/shell@${digest(image.manifest)}`);
  });

  it('runs what was loaded from a file, and lists and removes it', async () => {
    const file = join(scratch, 'saved.tar');
    const saved = [{ Config: 'config.json', RepoTags: ['saved/shell:2'], Layers: ['0.tar', '1.tar'] }];
    writeFileSync(
      file,
      tarOf([
        { name: 'manifest.json', content: JSON.stringify(saved) },
        { name: 'config.json', content: image.config },
        ...tars.map((tar, index) => ({ name: `${index}.tar`, content: tar })),
      ]),
    );
    const cli = (...args: string[]): string => {
      const { status, stdout, stderr } = runRondo(['image', ...args, '--data-dir', rondo.dataDir]);
      return `${status} ${stdout}${stderr}`;
    };
    expect(cli('load', file)).toBe('0 loaded saved/shell:2\n');
    expect(cli('ls')).toMatch(/docker\.io\/saved\/shell:2 +sha256:/);
    const command = ['sh', '-c', 'read -r text </etc/hello; echo "$text"; test -e /desk/file; echo $?'];
    expect((await runJob('loaded', { image: 'saved/shell:2', command })).status.phase).toBe('Succeeded');
    // What another container wrote to its root went with it.
    expect(rondo.kubectl(['logs', 'job/loaded']).stdout).toBe('from the image\n1\n');
    expect(cli('rm', 'saved/shell:2')).toBe('0 ');
    expect(cli('rm', 'saved/shell:2')).toBe('1 rondo image: there is no image saved/shell:2\n');
    expect(cli('load')).toMatch(/^2 rondo image: say/);
  });

  it('keeps an image from `rondo image rm` while a container runs from it', async () => {
    const client = clientFor(rondo);
    const used = `${registry.host}/test/shell:used`;
    registry.push('used', image);
    const container = { name: 'main', image: used, command: ['/bin/sh', '-c', 'while :; do :; done'] };
    const spec = { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers: [container] };
    await client.create<Pod>(resources.pods, { metadata: { name: 'busy', namespace: 'default' }, spec });
    await waitForObjects<Pod>(client, resources.pods, {
      what: 'the start of busy',
      fieldSelector: 'metadata.name=busy',
      until: ([pod]) => pod?.status.phase === 'Running',
    });
    const remove = (name: string): ReturnType<typeof runRondo> =>
      runRondo(['image', 'rm', name, '--data-dir', rondo.dataDir]);
    // The same image has another name from the test before: that one may go.
    expect(remove(`${registry.host}/test/shell:1`).status).toBe(0);
    expect(remove(used)).toMatchObject({
      status: 1,
      stderr: `rondo image: image ${used} is used by a running container\n`,
    });
    rondo.kubectl(['delete', 'pod', 'busy', '--timeout=30s']);
    expect(remove(used).status).toBe(0);
  });

  it('deletes a Pod at once whose image is still being pulled, and gives the pull up', async () => {
    const client = clientFor(rondo);
    registry.push('endless', imageOf([{ tar: tarOf([{ name: 'x', content: 'x'.repeat(1_000_000) }]) }]));
    const { promise: asked, resolve: ask } = deferred<ServerResponse>();
    registry.intercept = ({ url = '' }, response) => {
      const blob = registry.blobs.get(/\/blobs\/(.*)$/.exec(url)?.[1] ?? '');
      if (blob === undefined || blob.length < 1_000_000) return false;
      response.writeHead(200).write(blob.subarray(0, 500_000), () => ask(response));
      return true;
    };
    const containers = [{ name: 'main', image: `${registry.host}/test/shell:endless` }];
    const metadata = { name: 'endless', namespace: 'default' };
    await client.create<Pod>(resources.pods, { metadata, spec: { containers } });
    const response = await asked;
    const closed = new Promise((resolve) => response.once('close', resolve));
    expect(rondo.kubectl(['delete', 'pod', 'endless', '--timeout=10s'])).toMatchObject({ status: 0, stderr: '' });
    await closed;
    await untilInDirectory(
      join(rondo.dataDir, 'images/tmp'),
      'an empty directory',
      () => readdirSync(join(rondo.dataDir, 'images/tmp')).length === 0,
    );
  });

  it('waits with ErrImagePull for an image that cannot be had, and tells the way out', async () => {
    const client = clientFor(rondo);
    const spec = { restartPolicy: 'Never', containers: [{ name: 'main', image: `${registry.host}/test/shell:late` }] };
    await client.create<Pod>(resources.pods, { metadata: { name: 'none', namespace: 'default' }, spec });
    const waiting = (pod: Pod | undefined) => pod?.status.containerStatuses?.[0]?.state?.waiting;
    const only = { fieldSelector: 'metadata.name=none' };
    const [pod] = await waitForObjects<Pod>(client, resources.pods, {
      what: 'the failed pull',
      ...only,
      until: ([found]) => waiting(found)?.reason === 'ErrImagePull',
    });
    expect(waiting(pod)?.message).toMatch(/404.*rondo image load/);
    await waitForObjects<Pod>(client, resources.pods, {
      what: 'the back-off',
      ...only,
      until: ([found]) => waiting(found)?.reason === 'ImagePullBackOff',
    });
    // As soon as it is there it runs.
    registry.push('late', image);
    await waitForObjects<Pod>(client, resources.pods, {
      what: 'the run after all',
      ...only,
      until: ([found]) => found?.status.phase === 'Succeeded',
    });
  });
});
