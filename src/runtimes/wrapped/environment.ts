import { hostname as machineName } from 'node:os';
import type { Pod } from '../../api/index.ts';
import { RuntimeError, type EnvEntry } from '../runtime.ts';

/** What a container gets for PATH unless its Pod says otherwise. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Environment {
  /** Names that a shell can export. */
  readonly exports: ReadonlyMap<string, string>;
  /** Others: given to env(1) as `name=value`. Never secret, for arguments can be seen by everybody. */
  readonly others: ReadonlyMap<string, string>;
}

/**
 * Names that shells treat specially (read-only, computed, or changing the shell itself), so that exporting them would
 * fail or give another value.
 */
const special =
  /^(_|_rondo.*|UID|EUID|PPID|GROUPS|RANDOM|SRANDOM|SECONDS|LINENO|OPTIND|OPTARG|OPTERR|HISTCMD|FUNCNAME|DIRSTACK|PIPESTATUS|SHELLOPTS|POSIXLY_CORRECT|IFS|PS4|EPOCH.*|BASH.*|COMP_.*)$/;

/**
 * Splits the environment by how it reaches the container; later entries win.
 * @throws RuntimeError CreateContainerConfigError for what cannot be passed on unseen
 */
export function splitEnvironment(base: Readonly<Record<string, string>>, entries: readonly EnvEntry[]): Environment {
  const exports = new Map(Object.entries(base));
  const others = new Map<string, string>();
  for (const { name, value, secret } of entries) {
    if (value.includes('\0') || name.includes('\0') || name.includes('=') || name === '')
      throw configError(`environment variable ${JSON.stringify(name)} cannot be passed to a process`);
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !special.test(name)) exports.set(name, value);
    else if (!secret) others.set(name, value);
    else
      throw configError(
        `environment variable ${JSON.stringify(name)} holds a secret, but its name is not one that a shell can export: ` +
          'the process runtime would have to show it in arguments; use letters, digits and underscores',
      );
  }
  return { exports, others };
}

export interface BaseEnvironmentOptions {
  readonly pod: Pod;
  readonly token: string;
  readonly tmp: string;
  readonly volumes: string;
  readonly message: string;
  readonly home: string;
}

/** What every container finds in its environment before its Pod's own entries. */
export function baseEnvironment(options: BaseEnvironmentOptions): Record<string, string> {
  const { pod } = options;
  const environment: Record<string, string> = {
    PATH: defaultPath,
    HOME: options.home,
    TMPDIR: options.tmp,
    HOSTNAME: pod.spec.hostNetwork === true ? machineName() : (pod.spec.hostname ?? pod.metadata.name),
    // Marks all processes of the container, so that also those that left its process group are found at the end.
    RONDO_CONTAINER: options.token,
    RONDO_TERMINATION_LOG: options.message,
  };
  for (const { name } of pod.spec.volumes ?? []) environment[volumeVariable(name)] = `${options.volumes}/${name}`;
  return environment;
}

/** `my-data` is found through `RONDO_VOLUME_MY_DATA`. */
export function volumeVariable(volumeName: string): string {
  return `RONDO_VOLUME_${volumeName.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
}

function configError(message: string): RuntimeError {
  return new RuntimeError('CreateContainerConfigError', message);
}
