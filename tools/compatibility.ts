import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { loadCases, type Case } from '../tests/conformance/case-format.ts';

const path = fileURLToPath(new URL('../docs/compatibility.md', import.meta.url));

const introduction = `# What is proven compatible

Made from the conformance cases (\`tests/conformance\`) by \`npx tsx tools/compatibility.ts\`; do not edit. \`npm test\` runs
every case and fails when one does not pass, so each mark below is a result:

- **clock**: the case passes in one process, under a clock that jumps, with simulated containers;
- **real**: the same case passes over HTTP, with real time and real processes.

The cases know nothing of Rondo. \`KUBECONFIG=… npx tsx tests/conformance/run-cases.ts\` runs them against any cluster.
`;

/** The text of docs/compatibility.md. The tests that run the cases make it true. */
export async function renderCompatibility(cases: readonly Case[]): Promise<string> {
  const features = [...new Set(cases.map(({ feature }) => feature))].sort();
  const counts = `${cases.length} cases in ${features.length} features.\n`;
  const sections = features.map((feature) => section(feature, cases));
  const text = [introduction, counts, ...sections].join('\n');
  const options = await resolveConfig(path);
  return format(text, { ...options, parser: 'markdown' });
}

function section(feature: string, cases: readonly Case[]): string {
  const rows = cases.filter((one) => one.feature === feature).map(row);
  return `## ${feature}\n\n| case | from | clock | real |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

function row({ name, source, modes, note }: Case): string {
  const mark = (mode: Case['modes'][number]): string => (modes.includes(mode) ? 'passes' : `– (${note ?? 'not run'})`);
  return `| ${name.replaceAll('|', '\\|')} | ${source} | ${mark('simulated')} | ${mark('real')} |`;
}

/** True if the file says what the cases say. */
export async function isCompatibilityCurrent(): Promise<boolean> {
  return readFileSync(path, 'utf8') === (await renderCompatibility(loadCases()));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(path, await renderCompatibility(loadCases()));
