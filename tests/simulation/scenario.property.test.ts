import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { test } from '../../src/cli/test.ts';
import { seededRandom } from '../../src/testing/index.ts';
import { runCommand } from './terminal.ts';

const directory = mkdtempSync(join(tmpdir(), 'rondo-random-scenario-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const hours = 12;
const schedules = [
  ...['*/5 * * * *', '0 * * * *', '7,11,50 */2 * * *', '30 10,11,12 * * 1-5', '0 */3 * * *'],
  ...['@every 7m', '@every 90s', '@every 25s'],
];

/** Half a day over New York's change of the clock, in which things happen that make a CronJob lose its ticks. */
class RandomStory {
  readonly #random;
  #isSuspended = false;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  write(): string {
    const deadline = this.#pick([undefined, undefined, 0, 20, 300, 7200]);
    const zone = this.#pick([undefined, 'America/New_York']);
    const outcome = `{ attempt: 1, exitCode: ${this.#pick([0, 0, 1])}, duration: { exponential: ${this.#pick(['10s', '4m', '30m', '2h'])} } }`;
    return `apiVersion: batch/v1
kind: CronJob
metadata: { name: any }
spec:
  schedule: '${this.#pick(schedules)}'
  concurrencyPolicy: ${this.#pick(['Allow', 'Forbid', 'Replace'])}
${deadline === undefined ? '' : `  startingDeadlineSeconds: ${deadline}\n`}${zone === undefined ? '' : `  timeZone: ${zone}\n`}  jobTemplate:
    spec:
      backoffLimit: 1
      template: { spec: { restartPolicy: Never, containers: [{ name: main, image: any }] } }
---
apiVersion: rondo.dev/v1alpha1
kind: Scenario
metadata: { name: random }
spec:
  start: 2026-03-08T00:00:00Z
  duration: ${hours}h
  outcomes: [${outcome}]
  happenings: [${this.#happenings().join(', ')}]
  expect: [{ cronJob: any, everyTickAccountedFor: true }]
`;
  }

  #happenings(): readonly string[] {
    const found: string[] = [];
    for (let minute = this.#below(120); minute < (hours - 3) * 60; minute += 1 + this.#below(120)) {
      const at = `at: +${minute}m${this.#below(60)}s`;
      const downMinutes = 1 + this.#below(150);
      const act = this.#pick(['down', 'suspend', 'step', 'trigger', 'edit', 'edit']);
      found.push(`{ ${at}, ${act === 'down' ? `engineDown: ${downMinutes}m` : this.#act(act)} }`);
      if (act === 'down') minute += downMinutes;
    }
    return found;
  }

  #act(act: string): string {
    switch (act) {
      case 'suspend':
        this.#isSuspended = !this.#isSuspended;
        return this.#isSuspended ? 'suspend: any' : 'resume: any';
      case 'step':
        return `clockStep: ${this.#pick(['-40m', '-3m', '-10s', '10s', '2m', '3h'])}`;
      case 'trigger':
        return 'trigger: any';
      default: {
        const specs = ['schedule: "*/7 * * * *"', 'schedule: "@every 11m"', 'startingDeadlineSeconds: 30'];
        const change = this.#pick(['metadata: { name: any, labels: { changed: yes-it-is } }', undefined, undefined]);
        const spec = `metadata: { name: any }, spec: { ${this.#pick(specs)} }`;
        return `apply: { apiVersion: batch/v1, kind: CronJob, ${change ?? spec} }`;
      }
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random.float() * limit);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!;
  }
}

const first = Number(process.env['RONDO_SEED'] ?? 1);
const count = Number(process.env['RONDO_RUNS'] ?? 6);

it('accounts for every tick of random scenarios', { timeout: 60_000 * count }, async () => {
  console.log(`seeds ${first} to ${first + count - 1} (set RONDO_SEED and RONDO_RUNS for others)`);
  for (let seed = first; seed < first + count; seed++) {
    const file = join(directory, `${seed}.yaml`);
    const text = new RandomStory(seed).write();
    writeFileSync(file, text);
    const { code, out, error } = await runCommand(test, [file, '--seed', String(seed)]);
    expect(error).toBe('');
    expect(code, `seed ${seed}:\n${text}\n${out}`).toBe(0);
  }
});
