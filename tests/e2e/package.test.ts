import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { removeDirectory, temporaryDirectory } from './rondo.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const project = temporaryDirectory();

/** A project that has installed what `npm publish` would upload; its dependencies are those that are here. */
beforeAll(() => {
  expect(sh(`npm pack --silent --ignore-scripts --pack-destination "$0" && cd "$0" && tar xzf rondo-*.tgz`)).toMatchObject({ status: 0 }); // prettier-ignore
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules')).filter((one) => !one.startsWith('.')))
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  symlinkSync('../package', join(modules, 'rondo'));
  symlinkSync('../rondo/bin/rondo', join(modules, '.bin', 'rondo'));
}, 60_000);
afterAll(() => removeDirectory(project));

function sh(script: string, cwd = root): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, project], { cwd, encoding: 'utf8' });
  return { status, stdout, stderr };
}

it('the package has the program', () => {
  const result = sh('node_modules/.bin/rondo version', project);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(result.stdout).toMatch(/^rondo \d+\.\d+\.\d+ /);
});

const program = `
import { createEngine } from 'rondo';
import { resources } from 'rondo/api';
import { loadKubeconfig } from 'rondo/client';
import { parseSchedule } from 'rondo/cron';
import { startTestEngine } from 'rondo/testing';

for (const made of [createEngine, loadKubeconfig, parseSchedule]) if (typeof made !== 'function') throw new Error('no function');
const engine = await startTestEngine();
const annotations = { 'rondo.dev/simulate-exit-code': '1' };
const spec = { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] };
const ref = { namespace: 'default', name: 'j' };
await engine.client.create(resources.jobs, { metadata: ref, spec: { backoffLimit: 3, template: { metadata: { annotations }, spec } } });
const begin = performance.now();
await engine.clock.advance(69_000);
const before = await engine.client.get(resources.jobs, ref);
await engine.clock.advance(2_000);
const { status } = await engine.client.get(resources.jobs, ref);
const realMs = performance.now() - begin;
await engine.stop();
console.log(JSON.stringify({ before: before.status.failed, failed: status.failed, reason: status.conditions.at(-1).reason, quick: realMs < 5_000 }));
`;

it('the package starts a whole engine in a test, where three back-offs of 70 seconds take no time', () => {
  writeFileSync(join(project, 'program.mjs'), program);
  const result = sh('node program.mjs', project);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(JSON.parse(result.stdout)).toEqual({ before: 3, failed: 4, reason: 'BackoffLimitExceeded', quick: true });
});
