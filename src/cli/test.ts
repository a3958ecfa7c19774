import { writeFileSync } from 'node:fs';
import { parseOptions, UsageError, type Command, type Terminal } from './command.ts';
import { judge } from './scenario/check.ts';
import { checkNames } from './scenario/check-names.ts';
import { readFiles, readScenarioManifests } from './scenario/read-files.ts';
import { readScenario } from './scenario/read-scenario.ts';
import { reportJson, reportJunit, reportText, type Report } from './scenario/report.ts';
import { InterruptedError, runScenario } from './scenario/run-scenario.ts';
import { accountTicks } from './scenario/ticks.ts';

export const test: Command = {
  summary: 'run scenarios: CronJobs and Jobs in virtual time, with expectations',
  help: `Usage: rondo test FILE... [-o json] [--junit FILE] [--seed N]

Runs the engine with the manifests in the files through each scenario in them, in virtual time and with simulated
containers: a year takes seconds. Manifests are Jobs, CronJobs, Pods, ConfigMaps, Secrets, ServiceAccounts and Namespaces;
a scenario is a document of kind Scenario, apiVersion rondo.dev/v1alpha1 (docs/testing-cronjobs.md). "-" is standard input.

  -o, --output json  print everything that happened as JSON; the same seed gives the same bytes
  --junit FILE       also write the verdicts as JUnit XML
  --seed N           instead of the scenarios' own seeds

Exit codes: 0 all expectations hold, 1 some do not, 2 bad input, 130 interrupted.
`,
  run: async (args, terminal) => {
    const { values, positionals } = parseOptions(args, {
      filename: { type: 'string', short: 'f', multiple: true, default: [] },
      output: { type: 'string', short: 'o' },
      junit: { type: 'string' },
      seed: { type: 'string' },
    });
    if (values.output !== undefined && values.output !== 'json') throw new UsageError('-o must be json');
    const reports = await runAll([...values.filename, ...positionals], parseSeed(values.seed), terminal);
    if (reports === undefined) return 130;
    if (values.output === 'json') terminal.out(`${JSON.stringify({ scenarios: reports.map(reportJson) })}\n`);
    else terminal.out(reports.map(reportText).join('\n'));
    if (values.junit !== undefined) writeReport(values.junit, reportJunit(reports));
    return reports.every(({ verdicts }) => verdicts.every(({ passed }) => passed)) ? 0 : 1;
  },
};

/** Undefined: interrupted. */
async function runAll(
  files: readonly string[],
  seed: number | undefined,
  terminal: Terminal,
): Promise<readonly Report[] | undefined> {
  if (files.length === 0) throw new UsageError('name a file with a scenario');
  const { manifests, scenarios } = readFiles(files);
  if (scenarios.length === 0) throw new UsageError(`no Scenario in ${files.join(', ')}`);
  const prepared = scenarios.map((source) => {
    const scenario = readScenario(source);
    const all = [...manifests, ...readScenarioManifests(source, scenario.manifests)];
    checkNames(scenario, all);
    return { scenario: seed === undefined ? scenario : { ...scenario, seed }, all };
  });
  const reports: Report[] = [];
  try {
    for (const { scenario, all } of prepared) {
      const recording = await runScenario(scenario, all, terminal);
      const accounts = accountTicks(recording);
      reports.push({ recording, accounts, verdicts: judge(recording, accounts) });
    }
  } catch (error) {
    if (error instanceof InterruptedError) return undefined;
    throw error;
  }
  return reports;
}

function parseSeed(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed < 2 ** 32) return seed;
  throw new UsageError(`--seed ${text}: must be a whole number below 4294967296`);
}

function writeReport(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
  }
}
