// `npm start`: installs, builds, starts the engine in the default data directory, applies examples/first, follows it,
// and stays up until Ctrl-C.
import { readFileSync } from 'node:fs';
import { ensureBuilt } from './build.mjs';
import { root } from './installed.mjs';

ensureBuilt();
const { defaultDataPath, openEngine, StartError, systemClock } = await import('../dist/engine/index.js');
const { isNotFound, parseYamlDocuments, resources } = await import('../dist/api/index.js');
const { createLogger } = await import('../dist/log/index.js');
const { followRun } = await import('../dist/cli/run-follow.js');
const { until } = await import('../dist/cli/watch-until.js');

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());
const terminal = {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stdout.write(text),
  env: process.env,
  interrupted: stop.signal,
};

const manifest = (file) => {
  const { documents } = parseYamlDocuments(readFileSync(`${root}examples/first/${file}`, 'utf8'));
  return documents[0];
};

/** Creates an object, or replaces it with this one if an earlier start left it. */
async function apply(client, resource, object) {
  const ref = { namespace: 'default', name: object.metadata.name };
  try {
    const old = await client.get(resource, ref);
    await client.delete(resource, ref, { propagationPolicy: 'Background', preconditions: { uid: old.metadata.uid } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return client.create(resource, { ...object, metadata: { ...object.metadata, namespace: 'default' } });
}

async function showExample(client) {
  const account = { namespace: 'default', fieldSelector: 'metadata.name=default', condition: () => true };
  await until(client, resources.serviceAccounts, account);
  const input = manifest('input.yaml');
  await apply(client, resources.configMaps, { ...input, data: { ...input.data, INPUT_DIR: root } });
  await apply(client, resources.cronJobs, manifest('every-minute.yaml'));
  const job = await apply(client, resources.jobs, manifest('count-words.yaml'));
  console.log('\napplied examples/first: Job count-words, CronJob every-minute\n');
  await followRun({ client, jobs: [job], terminal, limit: stop.signal });
}

try {
  const log = createLogger({ clock: systemClock, level: 'warn', write: (line) => console.error(line) });
  const options = { dataPath: defaultDataPath(), host: '127.0.0.1', port: undefined, runtime: 'process', log };
  const opened = await openEngine(options);
  console.log(`rondo is ready at ${opened.url} (kubeconfig ${opened.kubeconfigPath})`);
  await showExample(opened.engine.client);
  if (!stop.signal.aborted) {
    console.log(`\nCheck the total:  find src -name '*.ts' | xargs cat | LC_ALL=C wc -w`);
    console.log('\nThe engine stays up (Ctrl-C ends it). With kubectl, from another terminal:\n');
    console.log(`  export KUBECONFIG=${opened.kubeconfigPath}`);
    for (const command of [
      'kubectl get jobs,cronjobs,pods',
      'kubectl describe job count-words',
      'kubectl logs -l job-name=count-words --prefix',
      'kubectl create job hello --image=rondo.dev/host -- echo hello',
      'kubectl wait --for=condition=complete job/hello && kubectl logs job/hello',
    ])
      console.log(`  ${command}`);
    await Promise.race([
      new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true })),
      opened.engine.failed,
    ]);
  }
  await opened.stop();
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  console.error(`npm start: ${error.message}`);
  process.exitCode = 1;
}
