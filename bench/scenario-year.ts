// A year of a CronJob of every five minutes through `rondo test`: 105 120 runs.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from '../src/cli/test.ts';
import { row, type Workload } from './measure.ts';

const runsPerDay = 288;

function documents(days: number): string {
  return `apiVersion: batch/v1
kind: CronJob
metadata: { name: five }
spec:
  schedule: '*/5 * * * *'
  jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [{ name: main, image: any }] } } } }
---
apiVersion: rondo.dev/v1alpha1
kind: Scenario
metadata: { name: a year }
spec:
  start: 2026-01-01T00:00:00Z
  duration: ${days}d
  expect: [{ cronJob: five, runs: ${days * runsPerDay}, noFailedRun: true, everyTickAccountedFor: true }]
`;
}

export const scenarioYear: Workload = {
  name: 'scenario-year',
  title: 'A year of a CronJob of every five minutes in virtual time',
  run: async ({ quick }) => {
    const days = quick ? 30 : 365;
    const directory = mkdtempSync(join(tmpdir(), 'rondo-bench-'));
    const file = join(directory, 'year.yaml');
    writeFileSync(file, documents(days));
    const terminal = {
      out: () => undefined,
      error: (text: string) => void process.stderr.write(text),
      env: {},
      interrupted: new AbortController().signal,
    };
    try {
      const [startMs, cpuBefore] = [performance.now(), process.cpuUsage()];
      if ((await test.run([file], terminal)) !== 0) throw new Error('the scenario does not hold');
      const cpu = process.cpuUsage(cpuBefore);
      const wallSeconds = (performance.now() - startMs) / 1000;
      const target = quick ? {} : { target: { atMost: 60 } };
      return [
        row(`${days} days, ${days * runsPerDay} runs`, 's', [wallSeconds], target),
        row('the same in CPU time, with garbage collection', 's', [(cpu.user + cpu.system) / 1e6]),
      ];
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
