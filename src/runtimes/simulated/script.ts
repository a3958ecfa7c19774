import type { Pod } from '../../api/index.ts';

/**
 * What a simulated container does, read from annotations of its Pod. Each numeric annotation is a list of clauses:
 *
 *     clauses = clause *( ";" clause )
 *     clause  = [ selector "=" ] value *( "," value )
 *     selector = "index:" completion index | "container:" name
 *
 * The n-th value counts for the n-th start of that container by the same owner (Job) and completion index, the last
 * one for all that follow: `"1,1,0"` fails twice, also where each try is a new Pod. The first clause whose selector
 * fits wins, a clause without selector comes last: `index:1=3;0` fails index 1 only.
 */
export interface Script {
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Infinity: runs until it is stopped. */
  readonly durationMs: number;
  readonly ignoresTerm: boolean;
  readonly log: string;
  readonly message: string;
  /** Why it cannot be started at all. Tried again and again, as an image that cannot be pulled. */
  readonly cannotStart?: string;
}

/** Exit codes by the grammar above; also `oom` (137, OOMKilled). Without it: 0. */
export const exitCodeAnnotation = 'rondo.dev/simulate-exit-code';
/** Milliseconds by the grammar above; also `never` (runs until stopped). Without it: 0. */
export const durationAnnotation = 'rondo.dev/simulate-duration-ms';
/** What it writes to its log when it starts, as it stands. */
export const logAnnotation = 'rondo.dev/simulate-log';
/** Its termination message. */
export const messageAnnotation = 'rondo.dev/simulate-message';
/** `"true"`: only KILL ends it. */
export const ignoresTermAnnotation = 'rondo.dev/simulate-ignores-term';

/**
 * Answers to probes: `kind=answers` clauses, answers are `ok` or `fail`, the n-th one for the n-th time that a container
 * is asked, the last one from then on: `"liveness=ok,ok,fail;readiness=fail,ok"`. Without it: ok.
 */
export const probesAnnotation = 'rondo.dev/simulate-probes';

const completionIndexAnnotation = 'batch.kubernetes.io/job-completion-index';

export interface ScriptPosition {
  readonly container: string;
  /** Counts from 0. */
  readonly start: number;
}

const syntax: Record<string, RegExp> = {
  [exitCodeAnnotation]: /^(\d{1,3}|oom)$/,
  [durationAnnotation]: /^(\d{1,12}|never)$/,
};

const probesSyntax = /^(?:(?:^|;)(?:startup|liveness|readiness)=(?:ok|fail)(?:,(?:ok|fail))*)+$/;

/** What is wrong with the Pod's simulation annotations; undefined if nothing. */
export function scriptError(pod: Pod): string | undefined {
  const probes = pod.metadata.annotations?.[probesAnnotation];
  if (probes !== undefined && !probesSyntax.test(probes))
    return `annotation ${probesAnnotation}: ${JSON.stringify(probes)} is not understood`;
  for (const [annotation, valueSyntax] of Object.entries(syntax)) {
    const text = pod.metadata.annotations?.[annotation];
    if (text === undefined) continue;
    for (const clause of clausesOf(text)) {
      const selectorOk = clause.selector === undefined || /^(index:\d+|container:.+)$/.test(clause.selector);
      if (!selectorOk || clause.values.some((value) => !valueSyntax.test(value) || Number(value) > maximum(annotation)))
        return `annotation ${annotation}: ${JSON.stringify(text)} is not understood`;
    }
  }
  return undefined;
}

/** Whether what the container does depends on how often it was started: only then starts must be counted. */
export function countsStarts(pod: Pod): boolean {
  const annotations = pod.metadata.annotations;
  return [exitCodeAnnotation, durationAnnotation].some((name) => annotations?.[name]?.includes(',') === true);
}

/** What this start of the container does. The annotations must be free of `scriptError`. */
export function scriptOf(pod: Pod, position: ScriptPosition): Script {
  const annotations = pod.metadata.annotations;
  const exitCode = pick(pod, exitCodeAnnotation, position) ?? '0';
  const duration = pick(pod, durationAnnotation, position) ?? '0';
  return {
    exitCode: exitCode === 'oom' ? 137 : Number(exitCode),
    oomKilled: exitCode === 'oom',
    durationMs: duration === 'never' ? Infinity : Number(duration),
    ignoresTerm: annotations?.[ignoresTermAnnotation] === 'true',
    log: annotations?.[logAnnotation] ?? '',
    message: annotations?.[messageAnnotation] ?? '',
  };
}

/** What a container answers when it is asked for the n-th time, from 0. */
export function probeAnswer(
  pod: Pod,
  question: { readonly kind: string; readonly time: number },
): 'success' | 'failure' {
  const text = pod.metadata.annotations?.[probesAnnotation];
  const clause = text === undefined ? undefined : clausesOf(text).find(({ selector }) => selector === question.kind);
  const answer = clause?.values[Math.min(question.time, clause.values.length - 1)];
  return answer === 'fail' ? 'failure' : 'success';
}

/** The same for all Pods that stand for one piece of work: one owner, one completion index, one container. */
export function workKey(pod: Pod, container: string): string {
  const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller === true);
  const index = pod.metadata.annotations?.[completionIndexAnnotation] ?? '';
  return `${owner?.uid ?? pod.metadata.uid}/${index}/${container}`;
}

interface Clause {
  readonly selector: string | undefined;
  readonly values: readonly string[];
}

function clausesOf(text: string): Clause[] {
  return text.split(';').map((part) => {
    const equals = part.indexOf('=');
    const values = part.slice(equals + 1).split(',');
    return {
      selector: equals === -1 ? undefined : part.slice(0, equals).trim(),
      values: values.map((value) => value.trim()),
    };
  });
}

function pick(pod: Pod, annotation: string, position: ScriptPosition): string | undefined {
  const text = pod.metadata.annotations?.[annotation];
  if (text === undefined) return undefined;
  const clauses = clausesOf(text);
  const selectors = [
    `index:${pod.metadata.annotations?.[completionIndexAnnotation] ?? ''}`,
    `container:${position.container}`,
  ];
  const clause =
    clauses.find(({ selector }) => selector !== undefined && selectors.includes(selector)) ??
    clauses.find(({ selector }) => selector === undefined);
  return clause?.values[Math.min(position.start, clause.values.length - 1)];
}

function maximum(annotation: string): number {
  return annotation === exitCodeAnnotation ? 255 : Infinity;
}
