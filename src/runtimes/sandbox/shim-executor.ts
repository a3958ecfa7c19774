import { shellQuote } from '../wrapped/index.ts';
import { capabilityMask } from './capabilities.ts';
import type { ContainerMount, ContainerSpec, ExecRequest, Executor, PauseSpec } from './container-spec.ts';
import { shimNetwork } from './network/shim-network.ts';

/** Starts containers with the small C program in shim/: one exec does everything. */
export function shimExecutor(shim: string): Executor {
  return {
    name: 'shim',
    startText: (spec) => {
      const assignments = [...spec.exports].map(([name, value]) => `${name}=${shellQuote(value)}`).join(' ');
      const words = [shim, ...operations(spec), '--', ...spec.command].map(shellQuote).join(' ');
      return `( export ${assignments}; exec ${words} ) </dev/null >/dev/null 2>&1 &\n`;
    },
    exec: (request) => ({
      words: [shim, 'exec', String(request.pid), ...execOperations(request), '--', ...request.command],
    }),
    pauseCommand: (pause) => [shim, ...pauseOperations(pause)],
    network: shimNetwork(shim),
  };
}

function execOperations({ privileges, cgroups }: ExecRequest): string[] {
  const { uid, gid, groups, capabilities, noNewPrivileges, seccomp } = privileges;
  const words = ['uid', String(uid), 'gid', String(gid), 'groups', groups.join(','), 'caps', capabilities];
  for (const file of cgroups) words.push('cgroup', file);
  if (noNewPrivileges) words.push('nnp');
  if (seccomp) words.push('seccomp');
  return words;
}

function operations(spec: ContainerSpec): string[] {
  const { files, privileges } = spec;
  const words = ['claim', files.claim, 'exit', spec.exitPrefix, 'log', files.log, 'error', files.error];
  words.push('started', String(spec.startedAtMs), 'alive', spec.podDirectory, 'new', spec.newNamespaces || '-');
  if (spec.input !== undefined) words.push('input', spec.input.file, ...(spec.input.once ? [] : ['endless']));
  for (const { type, path } of spec.join) words.push('join', type, path);
  if (spec.hostname !== undefined) words.push('hostname', spec.hostname);
  for (const file of spec.cgroups) words.push('cgroup', file);
  words.push('base', spec.base, 'lower', lowerOption(spec.layers));
  for (const mount of spec.mounts) words.push(...mountWords(mount, files.message));
  for (const [path, content] of spec.contents) words.push('file', path, content);
  if (spec.protect) words.push('protect');
  if (spec.readOnlyRoot) words.push('readonly');
  words.push('cwd', spec.workingDir, 'uid', String(privileges.uid), 'gid', String(privileges.gid));
  words.push('groups', privileges.groups.join(','));
  if (privileges.capabilities !== undefined) words.push('caps', capabilityMask(privileges.capabilities));
  if (privileges.noNewPrivileges) words.push('nnp');
  if (privileges.seccomp) words.push('seccomp');
  for (const [name, value] of spec.others) words.push('env', `${name}=${value}`);
  return words;
}

function mountWords(mount: ContainerMount, message: string): string[] {
  switch (mount.type) {
    case 'proc':
    case 'dev':
      return [mount.type, mount.target];
    case 'sys':
      return ['sys', mount.target, mount.readOnly ? 'ro' : 'rw'];
    case 'tmpfs':
      return ['tmpfs', mount.target, mount.options];
    case 'bind': {
      const options = `-${mount.readOnly ? 'r' : ''}${mount.recursive ? 'R' : ''}`;
      const bind = ['bind', mount.source, mount.target, options];
      return mount.source === message ? ['touch', message, ...bind] : bind;
    }
  }
}

function pauseOperations(pause: PauseSpec): string[] {
  const words = [
    'claim',
    pause.claim,
    'exit',
    `${pause.claim}-exit_`,
    'log',
    '/dev/null',
    'error',
    `${pause.claim}-error`,
  ];
  words.push('started', '0', 'alive', pause.directory, 'new', pause.newNamespaces);
  if (pause.hostname !== undefined) words.push('hostname', pause.hostname);
  return [...words, 'touch', pause.ready, '--', 'pause'];
}

/** Overlay takes the uppermost first; commas, colons and backslashes separate. */
export function lowerOption(layers: readonly string[]): string {
  return layers
    .map((layer) => layer.replaceAll(/[\\,:]/g, (char) => `\\${char}`))
    .reverse()
    .join(':');
}
