import { readFileSync } from 'node:fs';
import { ApiError, decodeObject, parseYamlDocuments, type Draft, type KubeObject } from '../api/index.ts';
import { UsageError } from './command.ts';

/** What the files of `rondo run` hold, in the order in which it is created. */
export interface RunInput {
  /** ConfigMaps and Secrets. */
  readonly sources: readonly Manifest[];
  readonly jobs: readonly Manifest[];
  /** Those that Jobs were made from: they are only checked. */
  readonly cronJobs: readonly Manifest[];
}

export type Manifest = Draft<KubeObject> & { readonly kind: string; readonly spec?: Record<string, unknown> };

/**
 * Reads manifests from files (`-`: standard input): any number of documents, lists included. A CronJob becomes one
 * Job of its template, as `kubectl create job --from` makes it.
 * @throws UsageError that names the file, for anything that cannot be read or run
 */
export function readRunInput(files: readonly string[]): RunInput {
  const manifests = files.flatMap(readManifests);
  const jobs = manifests.filter(({ kind }) => kind === 'Job' || kind === 'CronJob').map(asJob);
  if (jobs.length === 0) throw new UsageError(`no Job or CronJob in ${files.join(', ')}`);
  for (const job of jobs) refuseEndless(job);
  return {
    sources: manifests.filter(({ kind }) => kind === 'ConfigMap' || kind === 'Secret'),
    jobs,
    cronJobs: manifests.filter(({ kind }) => kind === 'CronJob'),
  };
}

/** What waits for somebody to change it waits for ever where nobody can. */
function refuseEndless({ metadata, spec = {} }: Manifest): void {
  const name = metadata.name ?? metadata.generateName ?? '';
  const { suspend, parallelism, completions, managedBy } = spec;
  if (managedBy !== undefined && managedBy !== ownController)
    throw new UsageError(`job ${name} would never end: it is managed by ${JSON.stringify(managedBy)}`);
  if (completions === 0) return;
  if (suspend === true) throw new UsageError(`job ${name} would never end: it is suspended`);
  if (parallelism === 0) throw new UsageError(`job ${name} would never end: its parallelism is 0`);
}

const ownController = 'kubernetes.io/job-controller';

const kinds = new Map([
  ['Job', 'batch/v1'],
  ['CronJob', 'batch/v1'],
  ['ConfigMap', 'v1'],
  ['Secret', 'v1'],
]);

function readManifests(file: string): Manifest[] {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
  }
  try {
    const { documents, duplicateFields } = parseYamlDocuments(text);
    if (duplicateFields.length > 0) throw new UsageError(`${file}: duplicate field "${duplicateFields[0]}"`);
    return documents.filter((document) => document !== null).flatMap((document) => unfold(document, file));
  } catch (error) {
    if (error instanceof ApiError) throw new UsageError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}

function unfold(document: unknown, file: string): Manifest[] {
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new UsageError(`${file}: a document is not an object`);
  const { kind, apiVersion, items } = document as { kind?: unknown; apiVersion?: unknown; items?: unknown };
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items))
    return items.flatMap((item) => unfold(withListItemType(item, kind, apiVersion), file));
  if (typeof kind !== 'string' || kind === '') throw new UsageError(`${file}: a document has no kind`);
  if (kinds.get(kind) !== apiVersion) {
    const wanted = [...kinds].map(([name, version]) => `${version} ${name}`).join(', ');
    throw new UsageError(`${file}: cannot run ${String(apiVersion)} ${kind}; only ${wanted}, and lists of these`);
  }
  const { object, unknownFields } = decodeObject(document, kind);
  if (unknownFields.length > 0) throw new UsageError(`${file}: unknown field "${unknownFields[0]}"`);
  const manifest = object as Manifest;
  return [{ ...manifest, metadata: manifest.metadata ?? {} }];
}

/** The items of a typed list need not repeat their type. */
function withListItemType(item: unknown, listKind: string, apiVersion: unknown): unknown {
  if (listKind === 'List' || typeof item !== 'object' || item === null || Array.isArray(item)) return item;
  return { kind: listKind.slice(0, -'List'.length), apiVersion, ...item };
}

function asJob(manifest: Manifest): Manifest {
  if (manifest.kind === 'Job') return manifest;
  const template = (manifest.spec?.['jobTemplate'] ?? {}) as {
    metadata?: Draft<KubeObject>['metadata'];
    spec?: object;
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      ...(manifest.metadata.namespace === undefined ? {} : { namespace: manifest.metadata.namespace }),
      name: `${manifest.metadata.name ?? ''}-manual`,
      labels: template.metadata?.labels,
      annotations: { ...template.metadata?.annotations, 'cronjob.kubernetes.io/instantiate': 'manual' },
    },
    spec: (template.spec ?? {}) as Record<string, unknown>,
  };
}
