import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ApiError, jsonPatch, mergePatch, strategicMergePatch } from './index.ts';

interface Recorded {
  readonly name: string;
  readonly type: 'strategic' | 'merge' | 'json';
  readonly object: Record<string, unknown> & { kind: string };
  readonly patch: never;
  readonly expected?: unknown;
  readonly error?: string;
}

const file = new URL('../../tests/fixtures/patches/recorded.json', import.meta.url);
const recorded = JSON.parse(readFileSync(file, 'utf8')) as Recorded[];

function apply({ type, object, patch }: Recorded): unknown {
  if (type === 'strategic') return strategicMergePatch(object, patch, object.kind);
  return type === 'merge' ? mergePatch(object, patch) : jsonPatch(object, patch);
}

/** `kubectl patch --local` prints an object with defaults of its printer; these are not the patch's doing. */
function withoutPrinterDefaults(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, part: unknown) => (part === null && key !== '' ? undefined : part)));
}

describe('patches do what kubectl patch --local does', () => {
  it.each(recorded.filter(({ error }) => error === undefined))('$type: $name', (entry) => {
    const before = JSON.stringify(entry.object);
    expect(withoutPrinterDefaults(apply(entry))).toEqual(withoutPrinterDefaults(entry.expected));
    expect(JSON.stringify(entry.object)).toBe(before);
  });

  it.each(recorded.filter(({ error }) => error !== undefined))('$type: $name is refused', (entry) => {
    expect(() => apply(entry)).toThrow(ApiError);
  });

  it('shares untouched parts with the original', () => {
    const object = { metadata: { labels: { a: '1' } }, spec: { deep: {} } };
    expect(strategicMergePatch(object, { metadata: { labels: { b: '2' } } }, 'Pod')['spec']).toBe(object.spec);
    expect(mergePatch(object, { metadata: { labels: { a: '1' } } })).toBe(object);
  });
});
