// Runs workloads, each in a process of its own: node main.js [--quick] [--write] [name…]. `--one` is for itself.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { apiWrite } from './api-write.ts';
import { growth } from './growth.ts';
import { jobsNoop } from './jobs-noop.ts';
import { load, machine, tableOf, type Machine, type Row, type Workload } from './measure.ts';
import { memory } from './memory.ts';
import { recover } from './recover.ts';
import { sandboxStart } from './sandbox-start.ts';
import { scenarioYear } from './scenario-year.ts';
import { submitStart } from './submit-start.ts';

const workloads: readonly Workload[] = [
  jobsNoop,
  submitStart,
  apiWrite,
  recover,
  memory,
  growth,
  scenarioYear,
  sandboxStart,
];
/** From .cache/bench/bench/main.js to the project. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const resultsFile = `${root}.cache/bench-results.json`;

interface Result {
  readonly name: string;
  readonly title: string;
  readonly rows: readonly Row[];
  readonly seconds: number;
  readonly loadBefore: number;
  /** When, of what: results of single runs stand beside older ones. */
  readonly machine: Machine;
  readonly quick: boolean;
}

interface Results {
  readonly results: readonly Result[];
}

function main(args: readonly string[]): void {
  const quick = args.includes('--quick');
  const names = args.filter((arg) => !arg.startsWith('--'));
  const unknown = names.filter((name) => !workloads.some((workload) => workload.name === name));
  if (unknown.length > 0) {
    console.error(
      `no such benchmark: ${unknown.join(', ')}; there are ${workloads.map(({ name }) => name).join(', ')}`,
    );
    process.exitCode = 2;
    return;
  }
  const chosen = names.length === 0 ? workloads : workloads.filter(({ name }) => names.includes(name));
  const results: Result[] = [];
  for (const workload of chosen) {
    const result = runApart(workload, quick);
    console.log(
      `\n${result.title} (${result.seconds} s, load before: ${result.loadBefore})\n\n${tableOf(result.rows)}`,
    );
    results.push(result);
  }
  const all: Results = { results: merged(results, names.length > 0) };
  mkdirSync(`${root}.cache`, { recursive: true });
  writeFileSync(resultsFile, JSON.stringify(all, undefined, 1));
  if (args.includes('--write')) writeFileSync(`${root}bench/README.md`, readmeOf(all));
}

/** Runs of single workloads take the place of their older results. */
function merged(fresh: readonly Result[], partial: boolean): readonly Result[] {
  if (!partial) return fresh;
  let old: readonly Result[] = [];
  try {
    old = (JSON.parse(readFileSync(resultsFile, 'utf8')) as Results).results;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return workloads.flatMap(({ name }) => [...fresh, ...old].find((result) => result.name === name) ?? []);
}

/** Garbage and warmth of one workload must not weigh on the next. */
function runApart({ name, title }: Workload, quick: boolean): Result {
  const loadBefore = load();
  const startMs = performance.now();
  // The flag that bin/rondo gives it.
  const args = [
    '--max-semi-space-size=32',
    '--expose-gc',
    fileURLToPath(import.meta.url),
    '--one',
    name,
    ...(quick ? ['--quick'] : []),
  ];
  const output = execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const rows = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Row[];
  const seconds = Math.round((performance.now() - startMs) / 1000);
  return { name, title, rows, seconds, loadBefore, machine: machine(), quick };
}

function readmeOf({ results }: Results): string {
  const tables = results.map(
    ({ name, title, rows, loadBefore, machine: on, quick }) =>
      `## ${title}\n\n\`npm run bench -- ${name}${quick ? ' --quick' : ''}\` · ${on.date} UTC, commit ${on.commit}, load average before: ${loadBefore}\n\n${tableOf(rows)}\n`,
  );
  const on = machine();
  return `# Benchmarks

Written by \`npm run bench -- --write\`; do not edit. \`npm run bench -- --quick\` takes less than two minutes. Workloads are
those of the project's performance notes (W1 …). Every limit was measured in the same run on the same machine; medians of
the runs, and their spread. A shared or busy machine moves the rates by a factor of two to three: ratios to the limit and CPU
per operation are what to compare.

${on.cores} × ${on.cpu}, ${on.memoryGb} GB, ${on.system}, Node ${on.node}.

${tables.join('\n')}`;
}

async function one(name: string, quick: boolean): Promise<void> {
  const workload = workloads.find((candidate) => candidate.name === name);
  if (workload === undefined) throw new Error(`no workload ${name}`);
  console.log(JSON.stringify(await workload.run({ quick })));
  process.exit(0);
}

const args = process.argv.slice(2);
if (args[0] === '--one') await one(args[1] ?? '', args.includes('--quick'));
else main(args);
