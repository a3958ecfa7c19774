import { fieldError, type FieldError, type PodSpec } from '../../../api/index.ts';
import { baselineChecks, restrictedChecks, type Violation } from './checks.ts';

export type Level = 'privileged' | 'baseline' | 'restricted';
const levels: readonly Level[] = ['privileged', 'baseline', 'restricted'];
export type Mode = 'enforce' | 'audit' | 'warn';
const modes: readonly Mode[] = ['enforce', 'audit', 'warn'];
const prefix = 'pod-security.kubernetes.io/';

export interface LevelVersion {
  readonly level: Level;
  /** `latest` or `v1.N`. The rules are those of the API level that Rondo speaks, whichever is named. */
  readonly version: string;
}

export type Policy = Readonly<Record<Mode, LevelVersion>>;
type Labels = Readonly<Record<string, string>>;

/** What a namespace's labels ask for, and what is wrong with them (upstream: `PolicyToEvaluate`). */
export function policyOf(labels: Labels = {}): { readonly policy: Policy; readonly errors: readonly FieldError[] } {
  const errors: FieldError[] = [];
  const read = (mode: Mode): LevelVersion => {
    const [level, version] = [labels[`${prefix}${mode}`], labels[`${prefix}${mode}-version`]];
    if (level !== undefined && !levels.includes(level as Level))
      errors.push(fieldError.invalid(pathOf(mode), level, `must be one of ${levels.join(', ')}`));
    if (version !== undefined && !isVersion(version))
      errors.push(fieldError.invalid(pathOf(`${mode}-version`), version, 'must be "latest" or "v1.x"'));
    // A level that is not known is taken for the strictest one.
    const known = level === undefined ? 'privileged' : (levels.find((one) => one === level) ?? 'restricted');
    return { level: known, version: version !== undefined && isVersion(version) ? version : 'latest' };
  };
  const [enforce, audit, warn] = modes.map(read) as [LevelVersion, LevelVersion, LevelVersion];
  // Who makes Jobs is warned of what their Pods would be refused for.
  const warns = labels[`${prefix}warn`] === undefined ? enforce : warn;
  return { policy: { enforce, audit, warn: warns }, errors };
}

function pathOf(label: string): string {
  return `metadata.labels[${prefix}${label}]`;
}

function isVersion(version: string): boolean {
  return version === 'latest' || /^v1\.(0|[1-9]\d*)$/.test(version);
}

/** Everything that keeps a Pod from a level, in upstream's words; undefined: nothing. */
export function violationText(spec: PodSpec, { level }: LevelVersion): string | undefined {
  const violations = violationsOf(spec, level);
  if (violations.length === 0) return undefined;
  return violations.map(({ reason, detail }) => (detail === undefined ? reason : `${reason} (${detail})`)).join(', ');
}

function violationsOf(spec: PodSpec, level: Level): readonly Violation[] {
  if (level === 'privileged') return [];
  const containers = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  const checks = level === 'baseline' ? baselineChecks : restrictedChecks;
  return checks.flatMap((check) => check({ spec, containers }) ?? []);
}
