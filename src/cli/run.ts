import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ApiError,
  isAlreadyExists,
  resources,
  type Draft,
  type Job,
  type KubeObject,
  type Resource,
} from '../api/index.ts';
import type { Client } from '../client/index.ts';
import { createLogger } from '../log/index.ts';
import {
  createEngine,
  createRuntime,
  defaultDataPath,
  imagesPath,
  runtimeNames,
  systemClock,
  type RuntimeName,
} from '../engine/index.ts';
import { givenEndpoint, parseOptions, UsageError, type Command, type Terminal } from './command.ts';
import { readRunInput, type Manifest, type RunInput } from './run-input.ts';
import { followRun } from './run-follow.ts';
import { warningsTo } from './run-warnings.ts';
import { until } from './watch-until.ts';

export const run: Command = {
  summary: 'run Jobs from files on a throw-away engine and follow them',
  help: `Usage: rondo run -f FILE [-f FILE ...] [--runtime NAME] [--timeout SECONDS]

Runs the Jobs in the files (Jobs, CronJobs once each, ConfigMaps, Secrets; YAML or JSON, several documents, lists;
"-" is standard input) on an engine of its own that is gone afterwards. Logs go to standard output with the Pod's name
in front, progress to standard error.

  -f, --filename FILE  a file with manifests; may be given several times
  --runtime NAME       what runs containers: ${runtimeNames.join(', ')} (default: process)
  --cri-endpoint URL   where the runtime cri finds containerd or CRI-O (default: as for \`rondo up\`)
  --timeout SECONDS    end everything after this time (exit code 1)

Exit codes: 0 all Jobs complete, 1 a Job failed or time ran out, 2 bad input, 130 interrupted.
`,
  run: async (args, terminal) => {
    const options = runOptions(args);
    const input = readRunInput(options.files);
    const directory = mkdtempSync(join(tmpdir(), 'rondo-run-'));
    const log = createLogger({ clock: systemClock, level: 'error', write: (line) => terminal.error(`${line}\n`) });
    const runtime = await createRuntime(
      options.runtime,
      // Images are kept: the next run has them.
      { pods: directory, sandboxes: directory, cri: directory, images: imagesPath(defaultDataPath(terminal.env)) },
      { log, criEndpoint: options.criEndpoint },
    );
    const engine = createEngine({ runtimes: [runtime], log, recorderFor: warningsTo(terminal) });
    let limit: Limit | undefined;
    try {
      await engine.start();
      const jobs = await createAll(engine.client, input);
      limit = limitOf(terminal, options.timeoutSeconds);
      const code = await followRun({ client: engine.client, jobs, terminal, limit: limit.signal });
      await removeAll(engine.client, jobs);
      return code;
    } finally {
      limit?.cancel();
      await engine.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

interface RunOptions {
  readonly files: readonly string[];
  readonly runtime: RuntimeName;
  readonly criEndpoint: string | undefined;
  readonly timeoutSeconds: number | undefined;
}

function runOptions(args: readonly string[]): RunOptions {
  const { values, positionals } = parseOptions(args, {
    filename: { type: 'string', short: 'f', multiple: true, default: [] },
    runtime: { type: 'string', default: 'process' },
    'cri-endpoint': { type: 'string' },
    timeout: { type: 'string' },
  });
  const files = [...values.filename, ...positionals];
  if (files.length === 0) throw new UsageError('name a file with -f');
  const runtime = runtimeNames.find((name) => name === values.runtime);
  if (runtime === undefined) throw new UsageError(`--runtime must be one of ${runtimeNames.join(', ')}`);
  const timeoutSeconds = values.timeout === undefined ? undefined : Number(values.timeout);
  if (timeoutSeconds !== undefined && !(timeoutSeconds > 0 && Number.isFinite(timeoutSeconds)))
    throw new UsageError('--timeout must be a number above 0');
  const criEndpoint = givenEndpoint(values['cri-endpoint']);
  if (criEndpoint !== undefined && runtime !== 'cri') throw new UsageError('--cri-endpoint: is for --runtime cri only');
  return { files, runtime, criEndpoint, timeoutSeconds };
}

interface Limit {
  /** Aborted by the user or when the time is over. */
  readonly signal: AbortSignal;
  /** Nobody waits for it any more: the process may end. */
  readonly cancel: () => void;
}

function limitOf(terminal: Terminal, timeoutSeconds: number | undefined): Limit {
  if (timeoutSeconds === undefined) return { signal: terminal.interrupted, cancel: () => undefined };
  const timeout = new AbortController();
  const timer = systemClock.after(timeoutSeconds * 1000, () => timeout.abort());
  return { signal: AbortSignal.any([terminal.interrupted, timeout.signal]), cancel: () => timer.cancel() };
}

const byKind: Record<string, Resource<KubeObject>> = {
  CronJob: resources.cronJobs as Resource<KubeObject>,
  Job: resources.jobs as Resource<KubeObject>,
  ConfigMap: resources.configMaps as Resource<KubeObject>,
  Secret: resources.secrets as Resource<KubeObject>,
};

/**
 * Creates everything, after a dry run of everything: bad input creates nothing.
 * @throws UsageError with the API server's message
 */
async function createAll(client: Client, input: RunInput): Promise<readonly Job[]> {
  const all = [...input.sources, ...input.jobs].map(placed);
  try {
    for (const namespace of new Set(all.map(({ metadata }) => metadata.namespace!))) {
      await ensureNamespace(client, namespace);
    }
    for (const manifest of [...input.cronJobs.map(placed), ...all]) await create(client, manifest, { dryRun: true });
    const created: KubeObject[] = [];
    for (const manifest of all) created.push(await create(client, manifest, {}));
    return created.filter((object): object is Job => object.kind === 'Job');
  } catch (error) {
    if (error instanceof ApiError && error.code < 500) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function placed(manifest: Manifest): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, namespace: manifest.metadata.namespace ?? 'default' } };
}

function create(client: Client, manifest: Manifest, options: { readonly dryRun?: boolean }): Promise<KubeObject> {
  return client.create(byKind[manifest.kind]!, manifest as Draft<KubeObject>, options);
}

/** Pods need the ServiceAccount that a controller makes in each namespace. */
async function ensureNamespace(client: Client, name: string): Promise<void> {
  try {
    await client.create(resources.namespaces, { metadata: { name }, spec: {} });
  } catch (error) {
    // default, kube-system and the like are there from the beginning.
    if (!isAlreadyExists(error)) throw error;
  }
  const account = { namespace: name, fieldSelector: 'metadata.name=default' };
  await until(client, resources.serviceAccounts, { ...account, condition: () => true });
}

/** Ends what still runs. */
async function removeAll(client: Client, jobs: readonly Job[]): Promise<void> {
  for (const { metadata } of jobs) {
    const { namespace, name } = metadata;
    await client.deleteCollection(resources.pods, {
      namespace,
      labelSelector: `batch.kubernetes.io/job-name=${name}`,
      gracePeriodSeconds: 0,
    });
  }
}
