import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { ApiError, apiVersionOf, decodeObject, parseDocumentPath, parseLocatedYaml } from '../../api/index.ts';
import { UsageError } from '../command.ts';
import { faultAt, type Source } from './fields.ts';
import { manifestKinds, manifestResource } from './manifest-kinds.ts';
import type { Manifest } from './scenario.ts';

export const scenarioVersion = 'rondo.dev/v1alpha1';

/** An object to create, and where it stands. */
export interface LocatedManifest {
  readonly source: Source;
  readonly manifest: Manifest;
}

export interface ReadFiles {
  readonly manifests: readonly LocatedManifest[];
  /** Documents of kind Scenario, still to be read. */
  readonly scenarios: readonly Source[];
}

/**
 * Reads manifests and scenarios from files (`-`: standard input), any number of documents, lists included.
 * @throws UsageError with file and line for anything that cannot be used
 */
export function readFiles(files: readonly string[]): ReadFiles {
  return sorted(files.flatMap((file) => documentsOf(file, readText(file))));
}

function sorted(sources: readonly Source[]): ReadFiles {
  const manifests: LocatedManifest[] = [];
  const scenarios: Source[] = [];
  for (const source of sources) {
    const { kind, apiVersion } = headOf(source);
    if (apiVersion === scenarioVersion && kind === 'Scenario') scenarios.push(source);
    else manifests.push(...readManifests(source));
  }
  return { manifests, scenarios };
}

/** The manifests that a scenario names in `spec.manifests`; what is not absolute is relative to its own file. */
export function readScenarioManifests(source: Source, names: readonly string[]): readonly LocatedManifest[] {
  const base = source.file === '-' ? '.' : dirname(source.file);
  const sources = names.flatMap((name, index) => {
    const file = isAbsolute(name) ? name : join(base, name);
    return documentsOf(
      file,
      readText(file, (message) => faultAt(source, ['spec', 'manifests', index], message)),
    );
  });
  const { manifests, scenarios } = sorted(sources);
  const [nested] = scenarios;
  if (nested !== undefined) throw new UsageError(faultAt(nested, [], 'a scenario cannot contain another one'));
  return manifests;
}

/** `place` says where a file is named that cannot be read. */
function readText(file: string, place = (message: string): string => message): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new UsageError(place(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`), { cause: error });
  }
}

/** At least one: a file with nothing in it is a mistake. */
function documentsOf(file: string, text: string): Source[] {
  let found: Source[];
  try {
    found = parseLocatedYaml(text).map((document) => ({ file, document }));
  } catch (error) {
    // The reader of YAML also throws for references without end.
    const message = (error as Error).message.replace(/^line (\d+): /, '$1: ');
    throw new UsageError(`${file}:${/^\d/.test(message) ? '' : ' '}${message}`, { cause: error });
  }
  if (found.length === 0) throw new UsageError(`${file}:1: there is nothing in this file`);
  return found;
}

function headOf(source: Source): { readonly kind?: unknown; readonly apiVersion?: unknown; readonly items?: unknown } {
  const { value } = source.document;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new UsageError(faultAt(source, [], 'a document must be an object'));
}

function readManifests(source: Source): LocatedManifest[] {
  const { kind, apiVersion, items } = headOf(source);
  if (kind !== 'List' || !Array.isArray(items)) return [readManifest(source)];
  if (apiVersion !== 'v1') throw new UsageError(faultAt(source, ['apiVersion'], 'must be v1'));
  return items.map((value: unknown, index) => {
    const { document, file } = source;
    return readManifest({ file, document: { value, lineOf: (path) => document.lineOf(['items', index, ...path]) } });
  });
}

function readManifest(source: Source): LocatedManifest {
  return { source, manifest: checkManifest(source, [], source.document.value) };
}

/**
 * Checks kind and fields of a manifest at a path of a document.
 * @throws UsageError
 */
export function checkManifest(source: Source, path: readonly (string | number)[], value: unknown): Manifest {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError(faultAt(source, path, 'must be an object'));
  const { kind, apiVersion } = value as { kind?: unknown; apiVersion?: unknown };
  const resource = manifestResource(kind);
  if (resource === undefined || apiVersionOf(resource) !== apiVersion) {
    const known = `${manifestKinds}, ${scenarioVersion} Scenario can`;
    const message = `${String(apiVersion)} ${String(kind)} cannot be used; ${known}`;
    throw new UsageError(faultAt(source, [...path, 'kind'], message));
  }
  try {
    const { object, unknownFields } = decodeObject(value, resource.kind);
    const [unknown] = unknownFields;
    if (unknown !== undefined)
      throw new UsageError(faultAt(source, [...path, ...parseDocumentPath(unknown)], 'unknown field'));
    const manifest = object as Manifest;
    const { name, namespace = 'default' } = manifest.metadata ?? {};
    if (name === undefined) throw new UsageError(faultAt(source, [...path, 'metadata'], 'metadata.name is missing'));
    const place = resource.namespaced ? { namespace } : {};
    return { ...manifest, metadata: { ...manifest.metadata, ...place } };
  } catch (error) {
    if (error instanceof ApiError) {
      const field = parseDocumentPath(fieldNamedIn(error.message));
      throw new UsageError(faultAt(source, [...path, ...field], error.message), { cause: error });
    }
    throw error;
  }
}

/** Values of the wrong type are refused in Go's words, which name the field. */
function fieldNamedIn(message: string): string {
  return /Go struct field \w+\.(\S+) of type /.exec(message)?.[1] ?? / in field (\S+)$/.exec(message)?.[1] ?? '';
}

/** What the API server says against a manifest, with the line of the first field it names. */
export function rejection({ source }: LocatedManifest, error: ApiError): UsageError {
  const field = error.status.details?.causes?.[0]?.field ?? '';
  return new UsageError(`${source.file}:${source.document.lineOf(parseDocumentPath(field))}: ${error.message}`, {
    cause: error,
  });
}
