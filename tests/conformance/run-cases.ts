/**
 * Runs the conformance cases and says how each went:
 *
 *     KUBECONFIG=~/.kube/config npx tsx tests/conformance/run-cases.ts [text in the name]
 *
 * With KUBECONFIG the cases run against that cluster, in namespaces of their own that are deleted afterwards. Without
 * it, they run under the fake clock and then with real processes. Ends with 1 if one failed.
 */
import { loadCases } from './case-format.ts';
import { runReal, runSimulated, type Result } from './results.ts';
import { clusterSurroundings, processSurroundings, type Surroundings } from './surroundings.ts';

const wanted = process.argv[2] ?? '';
const cases = loadCases().filter(({ name }) => name.includes(wanted));
const { KUBECONFIG: kubeconfig = '' } = process.env;

async function inCluster(surroundings: Surroundings): Promise<readonly Result[]> {
  try {
    return await runReal(cases, surroundings);
  } finally {
    await surroundings.close();
  }
}

async function runAll(): Promise<readonly Result[]> {
  if (kubeconfig !== '') return inCluster(clusterSurroundings(kubeconfig));
  return [...(await runSimulated(cases)), ...(await inCluster(await processSurroundings()))];
}

const results = await runAll();
for (const { one, mode, problem } of results) {
  console.log(`${problem === undefined ? 'ok  ' : 'FAIL'} ${mode.padEnd(9)} ${one.name}`);
  if (problem !== undefined) console.log(`     ${one.file}: ${problem}`);
}
const failed = results.filter(({ problem }) => problem !== undefined).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
