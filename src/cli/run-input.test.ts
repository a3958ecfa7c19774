import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from './command.ts';
import { readRunInput } from './run-input.ts';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'rondo-input-'))));
afterEach(() => rmSync(directory, { recursive: true }));

function file(text: string): string {
  const path = join(directory, 'input.yaml');
  writeFileSync(path, text);
  return path;
}
const job = (name: string): string =>
  `apiVersion: batch/v1\nkind: Job\nmetadata: {name: ${name}}\nspec: {template: {spec: {containers: []}}}\n`;

describe('readRunInput', () => {
  it('reads several documents and lists, ConfigMaps and Secrets apart', () => {
    const list = `apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: s}}\n- {apiVersion: batch/v1, kind: Job, metadata: {name: two}}\n`;
    const input = readRunInput([
      file(`${job('one')}---\n${list}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n`),
    ]);
    expect(input.jobs.map(({ metadata }) => metadata.name)).toEqual(['one', 'two']);
    expect(input.sources.map(({ kind }) => kind)).toEqual(['Secret', 'ConfigMap']);
  });

  it('makes one Job of a CronJob, as kubectl create job --from does', () => {
    const cron = `apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly, namespace: ops}\nspec:\n  schedule: "0 1 * * *"\n  jobTemplate:\n    metadata: {labels: {a: b}}\n    spec: {parallelism: 2, template: {}}\n`;
    expect(readRunInput([file(cron)]).jobs).toEqual([
      {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: {
          namespace: 'ops',
          name: 'nightly-manual',
          labels: { a: 'b' },
          annotations: { 'cronjob.kubernetes.io/instantiate': 'manual' },
        },
        spec: { parallelism: 2, template: {} },
      },
    ]);
  });

  it.each([
    ['kind: Job', 'cannot run undefined Job'],
    ['a: [', 'error converting YAML to JSON'],
    ['- 1', 'a document is not an object'],
    ['apiVersion: apps/v1\nkind: Deployment\n', 'cannot run apps/v1 Deployment'],
    ['apiVersion: batch/v1\nkind: Job\nspec: {paralelism: 2}\n', 'unknown field "spec.paralelism"'],
    ['apiVersion: batch/v1\nkind: Job\nspec: {suspend: true, suspend: false}\n', 'duplicate field "spec.suspend"'],
    ['apiVersion: batch/v1\nkind: Job\nspec: {parallelism: "2"}\n', 'cannot unmarshal string'],
    ['apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n', 'no Job or CronJob in'],
  ])('refuses %j', (text, message) => {
    expect(() => readRunInput([file(text)])).toThrow(UsageError);
    expect(() => readRunInput([file(text)])).toThrow(message);
  });

  it('names a file that cannot be read', () => {
    expect(() => readRunInput([join(directory, 'none.yaml')])).toThrow('none.yaml: ENOENT');
  });
});
