import { configurationErrors, liveErrors } from './check.ts';
import { compareObjects } from './compare.ts';
import { difference, type FieldSet } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import { goJson } from './path-element.ts';
import type { StructShape } from './shape.ts';
import { isObject, written, type Json } from './view.ts';

/** Clients of `kubectl apply` keep what they applied last in this annotation. */
export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** The text in an object's annotation; undefined if there is none. */
export function lastAppliedOf(object: Json): string | undefined {
  const { annotations } = (object['metadata'] ?? {}) as { annotations?: Readonly<Record<string, string>> | null };
  const text = annotations?.[lastAppliedAnnotation];
  return text === undefined || text === '' ? undefined : text;
}

/**
 * What client-side apply set and what still is as it set it. Undefined: nothing that can be told from the annotation.
 * `live` is as structs would be written.
 */
export function lastAppliedFields(live: Json, shape: StructShape, apiVersion: string): FieldSet | undefined {
  const config = parsed(lastAppliedOf(live));
  if (config === undefined || config['apiVersion'] !== apiVersion) return undefined;
  if (configurationErrors(config, shape) !== undefined || liveErrors(live, shape, 'refused') !== undefined)
    return undefined;
  const { added, modified, removed } = compareObjects(config, live, shape, written);
  return [modified, added, removed].reduce(difference, fieldsOf(config, shape));
}

/** All annotations together may take this much (apimachinery `TotalAnnotationSizeLimitB`). */
const maxAnnotationsBytes = 256 * 1024;

/**
 * An object that has the annotation gets what is applied now into it, so that client-side apply can go on from there.
 * Undefined: it has none.
 */
export function withLastApplied(object: Json, config: Json): Json | undefined {
  if (lastAppliedOf(object) === undefined) return undefined;
  const metadata = object['metadata'] as Json;
  const annotations: Record<string, string> = { ...(metadata['annotations'] as Readonly<Record<string, string>>) };
  annotations[lastAppliedAnnotation] = `${goJson(withoutAnnotation(config))}\n`;
  const bytes = Object.entries(annotations).reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  if (bytes > maxAnnotationsBytes) delete annotations[lastAppliedAnnotation];
  return { ...object, metadata: { ...metadata, annotations } };
}

function withoutAnnotation(config: Json): Json {
  const { metadata } = config;
  if (!isObject(metadata)) return config;
  if (!isObject(metadata['annotations'])) {
    const { annotations: _none, ...rest } = metadata;
    return { ...config, metadata: rest };
  }
  const { [lastAppliedAnnotation]: _last, ...annotations } = metadata['annotations'];
  return { ...config, metadata: { ...metadata, annotations } };
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

function parsed(text: string | undefined): Json | undefined {
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
