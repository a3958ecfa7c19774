import { RuntimeError, type ContainerRequest } from '../runtime.ts';
import {
  baseEnvironment,
  containerFiles,
  defaultPath,
  directoryProblem,
  inputOf,
  podFiles,
  resolveCommand,
  splitEnvironment,
  tokenOf,
  type ContainerFiles,
  type Layout,
  type OpenInput,
  type StartCommand,
  type StartPlan,
} from '../wrapped/index.ts';
import { noCommand, type Abilities } from './admission.ts';
import { identityVariables } from './identity.ts';
import { mountsMessage } from './message-path.ts';
import { prepareSandbox } from './sandbox.ts';

export interface StartContext {
  readonly request: ContainerRequest;
  readonly layout: Layout;
  readonly abilities: Abilities;
  readonly home: string;
  readonly startedAtMs: number;
  /** Says it in the language of what starts containers. */
  readonly encode: (start: StartCommand) => string;
}

/** @throws RuntimeError for a container that must not be started as it is */
export function planStart(context: StartContext): StartPlan {
  const { request, layout, abilities, startedAtMs, encode } = context;
  const { id, pod, container } = request;
  const given = [...request.command, ...request.args];
  if (given.length === 0) {
    const problem = noCommand(container);
    throw new RuntimeError(problem.reason, problem.message);
  }
  if (given.some((word) => word.includes('\0')))
    throw new RuntimeError('CreateContainerConfigError', 'command or args hold a NUL byte, which no process can get');
  const files = containerFiles(layout, id);
  const { exports, others } = environmentOf(context, files);
  const fallbackToLogs = container.terminationMessagePolicy === 'FallbackToLogsOnError';
  const { directory } = podFiles(layout, id.podUid);
  const workingDir =
    container.workingDir === undefined || container.workingDir === '' ? directory : container.workingDir;
  const prefix = [
    ...inputWords(inputOf(layout, id, container)),
    ...environmentWords(others),
    ...privilegeWords(request, abilities),
  ];
  const sandboxed = (container.volumeMounts?.length ?? 0) > 0 || mountsMessage(container, abilities);
  const common = {
    files,
    podDirectory: directory,
    startedAtMs,
    exports,
    exitPrefix: `${layout.exits}/${tokenOf(id)}_${startedAtMs}_`,
  };
  if (sandboxed) {
    const command = prepareSandbox({
      layout,
      id,
      pod,
      container,
      abilities,
      workingDir,
      command: [...prefix, ...given],
    });
    return { type: 'start', fallbackToLogs, startedAtMs, text: encode({ ...common, cwd: '', command }) };
  }
  const searchPath = others.get('PATH') ?? exports.get('PATH') ?? defaultPath;
  const resolved = resolveCommand(given[0]!, workingDir, searchPath);
  const problem = directoryProblem(workingDir) ?? ('error' in resolved ? resolved.error : undefined);
  if (problem !== undefined) return { type: 'fail', fallbackToLogs, startedAtMs, message: problem };
  return {
    type: 'start',
    fallbackToLogs,
    startedAtMs,
    text: encode({ ...common, cwd: workingDir === directory ? '' : workingDir, command: [...prefix, ...given] }),
  };
}

function environmentOf({ request, layout, abilities, home }: StartContext, files: ContainerFiles) {
  const { directory, volumes } = podFiles(layout, request.id.podUid);
  const token = tokenOf(request.id);
  const base = baseEnvironment({ pod: request.pod, token, tmp: directory, volumes, message: files.message, home });
  return splitEnvironment({ ...base, ...identityVariables(request.pod, { abilities, volumes }) }, request.env);
}

/** The shell's own name is the file that the command reads. */
function inputWords(input: OpenInput | undefined): string[] {
  if (input === undefined) return [];
  return ['/bin/sh', '-c', input.once ? 'exec "$@" <"$0"' : 'exec "$@" <>"$0"', input.file];
}

function environmentWords(others: ReadonlyMap<string, string>): string[] {
  return others.size === 0 ? [] : ['/usr/bin/env', ...[...others].map(([name, value]) => `${name}=${value}`)];
}

/** What admission accepted because setpriv(1) can do it. */
function privilegeWords({ container }: ContainerRequest, abilities: Abilities): string[] {
  const context = container.securityContext;
  const dropped = context?.capabilities?.drop ?? [];
  const words: string[] = [];
  // A process without privileges has no capabilities; that it gains none is what there is to enforce.
  if (context?.allowPrivilegeEscalation === false || (dropped.length > 0 && abilities.uid !== 0))
    words.push('--no-new-privs');
  if (dropped.length > 0 && abilities.uid === 0) {
    const list = capabilityList(dropped, context?.capabilities?.add ?? []);
    words.push(`--bounding-set=${list}`, '--inh-caps=-all');
  }
  return words.length === 0 ? [] : ['setpriv', ...words];
}

function capabilityList(drop: readonly string[], add: readonly string[]): string {
  const name = (capability: string): string => capability.toLowerCase().replace(/^cap_/, '');
  if (!drop.some((capability) => name(capability) === 'all')) return drop.map((entry) => `-${name(entry)}`).join(',');
  return ['-all', ...add.map((entry) => `+${name(entry)}`)].join(',');
}
