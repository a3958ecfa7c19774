import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { Value } from './match.ts';

/** Where a case can run: under a clock that jumps with scripted containers, or with real time and real containers. */
export type Mode = 'simulated' | 'real';

/**
 * One case of a `*.yaml` file: objects in, steps, objects out. It names nothing but the Kubernetes API, so that it runs
 * against any cluster; each run has a namespace of its own, which `${namespace}` stands for; `${scratch}` is a directory
 * that its containers can share.
 */
export interface Case {
  readonly file: string;
  readonly name: string;
  /** Groups the cases in docs/compatibility.md. */
  readonly feature: string;
  /** What it was made from: an upstream e2e test or a section of the specification. */
  readonly source: string;
  /** Default: both. */
  readonly modes: readonly Mode[];
  /** Why it does not run in a mode. */
  readonly note?: string | undefined;
  readonly steps: readonly Step[];
}

export interface Selection {
  /** `Kind/name`; or all of `list` with `labels`. */
  readonly object?: string;
  readonly list?: string;
  readonly labels?: string;
}

export interface Expectation extends Selection {
  readonly match?: Value;
  /** Of a list: how many, what all match, what is among them (each by another one). */
  readonly count?: Value;
  readonly each?: Value;
  readonly some?: readonly Value[];
  /** The object does not exist. */
  readonly gone?: boolean;
}

export interface Rejection {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly causes?: Value;
}

export type ObjectValue = { readonly [key: string]: Value };

export type Step = { readonly rejected?: Rejection } & (
  | { readonly create: ObjectValue; readonly simulate?: Readonly<Record<string, string>> }
  | {
      readonly patch: string;
      readonly type?: 'strategic' | 'merge' | 'json';
      readonly subresource?: 'status';
      readonly body: Value;
    }
  | { readonly update: string; readonly subresource?: 'status'; readonly body: ObjectValue }
  | { readonly delete: Selection; readonly options?: ObjectValue; readonly collection?: boolean }
  | { readonly evict: Selection; readonly options?: ObjectValue }
  | { readonly advance: number }
  | { readonly wait: Expectation; readonly within?: number }
  | { readonly check: Expectation }
  | { readonly remember: string; readonly path: string; readonly as: string }
  | { readonly timeline: string; readonly states: readonly Value[] }
  | { readonly never: string; readonly match: Value }
  | { readonly events: string; readonly include: readonly Value[]; readonly exclude?: readonly Value[] }
);

const stepNames = [
  ...['create', 'patch', 'update', 'delete', 'evict', 'advance', 'wait'],
  ...['check', 'remember', 'timeline', 'never', 'events'],
] as const;

export type StepName = (typeof stepNames)[number];

/** What a step does: the one of its members that names an action. */
export function actionOf(step: Step): StepName {
  const [name, ...more] = stepNames.filter((known) => known in step);
  if (name === undefined || more.length > 0) throw new Error(`a step must have one action: ${JSON.stringify(step)}`);
  return name;
}

const caseMembers = ['name', 'feature', 'source', 'modes', 'note', 'steps', 'given'];

/** All cases below this directory, in the order of their files. */
export function loadCases(directory = fileURLToPath(new URL('.', import.meta.url))): readonly Case[] {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
  return files.sort().flatMap((file) => casesOf(file, readFileSync(join(directory, file), 'utf8')));
}

function casesOf(file: string, text: string): Case[] {
  return parseAllDocuments(text, { merge: true }).map((document) => {
    if (document.errors.length > 0) throw new Error(`${file}: ${document.errors[0]?.message}`);
    const raw = document.toJS() as Omit<Case, 'file'> & Record<string, unknown>;
    const unknown = Object.keys(raw).filter((member) => !caseMembers.includes(member));
    if (unknown.length > 0) throw new Error(`${file}: ${raw.name}: unknown member ${unknown.join(', ')}`);
    for (const step of raw.steps) actionOf(step);
    const { name, feature, source, note, steps } = raw;
    return { file, name, feature, source, note, steps, modes: raw.modes ?? ['simulated', 'real'] };
  });
}
