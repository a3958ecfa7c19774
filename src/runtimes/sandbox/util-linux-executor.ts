import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { RuntimeError } from '../runtime.ts';
import { privilegesOf, setprivWords, shellQuote, startText, type ExecPlan } from '../wrapped/index.ts';
import type { ContainerMount, ContainerSpec, ExecRequest, Executor, PauseSpec } from './container-spec.ts';
import { resolveInside, statInside, type LayeredRoot } from '../layered-files.ts';
import { ipNetwork } from './network/ip-network.ts';
import { lowerOption } from './shim-executor.ts';

export interface UtilLinuxOptions {
  /** Absolute paths by name: a container's PATH must not choose them. */
  readonly tools: ReadonlyMap<string, string>;
  /** Holds the device files of a minimal /dev. */
  readonly deviceTemplate: string;
}

export const neededTools: readonly string[] = ['unshare', 'mount', 'setpriv', 'nsenter', 'mkdir', 'env', 'sleep'];
/** Without them Pods have no network of their own. */
export const networkTools: readonly string[] = ['ip'];

/**
 * Starts containers with programs of util-linux and a shell: nothing to compile. One `mount -a` makes as many mounts
 * as possible, because starting mount(8) costs more than a mount.
 */
export function utilLinuxExecutor(options: UtilLinuxOptions): Executor {
  const tool = (name: string): string => options.tools.get(name)!;
  return {
    name: 'util-linux',
    startText: (spec) => {
      const command = [
        ...joinWords(spec, tool),
        ...unshareWords(spec, tool),
        ...initWords(spec, tool),
        '/bin/sh',
        '-c',
        script(spec, options, tool),
        'rondo',
        ...spec.command,
      ];
      return startText({
        files: spec.files,
        exitPrefix: spec.exitPrefix,
        podDirectory: spec.podDirectory,
        cwd: '/',
        startedAtMs: spec.startedAtMs,
        exports: spec.exports,
        command,
      });
    },
    exec: (request) => planExec(request, tool),
    pauseCommand: (pause) => pauseWords(pause, tool),
    network: options.tools.has('ip') ? ipNetwork(tool) : undefined,
  };
}

/** Joins the groups from outside, then enters; privileges are given up inside, by the setpriv that is there. */
function planExec({ pid, privileges, cgroups, command }: ExecRequest, tool: (name: string) => string): ExecPlan {
  const [, ...words] = setprivWords(privileges, privilegesOf(process.pid));
  const setpriv = tool('setpriv');
  if (words.length > 0 && !existsSync(`/proc/${pid}/root${setpriv}`))
    throw new RuntimeError('ExecError', `without the shim, exec needs ${setpriv} in the image of the container`);
  const inner = words.length === 0 ? command : [setpriv, ...words, ...command];
  const join = 'for file in $1; do echo $$ >"$file" || exit 126; done; shift; exec "$@"';
  const enter = ['--mount', '--uts', '--ipc', '--net', '--pid', '--root', '--wd'];
  return {
    words: [
      '/bin/sh',
      '-c',
      join,
      'sh',
      cgroups.join(' '),
      tool('nsenter'),
      `--target=${pid}`,
      ...enter,
      '--',
      ...inner,
    ],
  };
}

function joinWords({ join }: ContainerSpec, tool: (name: string) => string): string[] {
  return join.length === 0 ? [] : [tool('nsenter'), ...join.map(({ type, path }) => `--${type}=${path}`), '--'];
}

function unshareWords({ newNamespaces }: ContainerSpec, tool: (name: string) => string): string[] {
  return [tool('unshare'), ...newNamespaces.split('').map((letter) => `-${letter}`), '--propagation=slave'];
}

/**
 * The first child of a process that made a pid namespace is its process 1. A shell is its parent and not unshare(1)
 * itself, which in some versions loses the signal that ended it. The shell's own words about it are nobody's log.
 */
function initWords({ newNamespaces }: ContainerSpec, tool: (name: string) => string): string[] {
  if (!newNamespaces.includes('p')) return [];
  const run = `exec 4>&2 2>/dev/null; ${tool('setpriv')} --pdeathsig KILL "$@" 2>&4 4>&-; exit "$?"`;
  return ['/bin/sh', '-c', run, 'rondo'];
}

function script(spec: ContainerSpec, options: UtilLinuxOptions, tool: (name: string) => string): string {
  const quote = shellQuote;
  const root = `${spec.base}/root`;
  const lines = [`exec 3>${quote(spec.files.error)}`, 'fail() { printf %s "$*" >&3; exit 128; }', 'unset OLDPWD'];
  if (spec.input !== undefined) lines.push(`exec ${spec.input.once ? '<' : '<>'}${quote(spec.input.file)}`);
  for (const file of spec.cgroups) lines.push(`echo 0 >${quote(file)} || fail 'cannot enter the cgroup'`);
  if (spec.hostname !== undefined)
    lines.push(`printf %s ${quote(spec.hostname)} >/proc/sys/kernel/hostname || fail 'cannot set the host name'`);
  const places = ['upper', 'work', 'dev-upper', 'dev-work', 'root'].map((name) => quote(`${spec.base}/${name}`));
  lines.push(
    `{ ${tool('mount')} -t tmpfs -o mode=0711 tmpfs ${quote(spec.base)} && ${tool('mkdir')} -m 755 ${places.join(' ')}; } 2>&3 || fail 'no place for the root'`,
    ...mountLines(spec, options, tool),
  );
  for (const [path, content] of spec.contents) {
    const target = root + resolveInside(layeredRoot(spec), path);
    const parent = shellQuote(dirname(target));
    lines.push(`[ -d ${parent} ] || ${tool('mkdir')} -p ${parent}`);
    lines.push(`printf %s ${quote(content)} >${quote(target)} || fail ${quote(`cannot write ${path}`)}`);
  }
  const cwd = root + resolveInside(layeredRoot(spec), spec.workingDir);
  lines.push(`[ -d ${quote(cwd)} ] || ${tool('mkdir')} -p ${quote(cwd)} 2>&3 || fail 'no working directory'`);
  if (spec.readOnlyRoot)
    lines.push(`${tool('mount')} -o remount,bind,ro ${quote(root)} 2>&3 || fail 'the root cannot be made read-only'`);
  lines.push(findCommand(root), ...enterLines(spec, tool));
  return lines.join('\n');
}

function layeredRoot(spec: ContainerSpec): LayeredRoot {
  const mounts = spec.mounts.flatMap((mount) => (mount.type === 'bind' ? [mount] : []));
  return { layers: spec.layers, mounts };
}

/** Chunks of mounts, interrupted only where a file must be made for one. */
function mountLines(spec: ContainerSpec, options: UtilLinuxOptions, tool: (name: string) => string): string[] {
  const { base } = spec;
  const root = `${base}/root`;
  const lines: string[] = [];
  const chunk = [overlayLine(spec.layers, `${base}/upper`, `${base}/work`, root)];
  mkdirSync(dirname(spec.scratch), { recursive: true, mode: 0o700 });
  const flush = (): void => {
    if (chunk.length === 0) return;
    const file = `${spec.scratch}.fstab-${lines.length}`;
    writeFileSync(file, `${chunk.splice(0).join('\n')}\n`, { mode: 0o600 });
    lines.push(`${tool('mount')} -a -T ${shellQuote(file)} 2>&3 || fail 'mounts cannot be made'`);
  };
  const done: ContainerMount[] = [];
  for (const mount of spec.mounts) {
    const inside = { layers: spec.layers, mounts: done.flatMap((made) => (made.type === 'bind' ? [made] : [])) };
    const target = resolveInside(inside, mount.target);
    // The container may be another user.
    if (mount.type === 'bind' && mount.source === spec.files.message) {
      writeFileSync(mount.source, '', { flag: 'a' });
      chmodSync(mount.source, 0o666);
    }
    if (mount.type === 'bind' && mount.kind === 'file' && !existsBefore(inside, target)) {
      flush();
      const place = shellQuote(root + target);
      lines.push(
        `[ -e ${place} ] || { ${tool('mkdir')} -p ${shellQuote(dirname(root + target))} && : >${place}; } 2>&3 || fail ${shellQuote(`no place for a mount at ${mount.target}`)}`,
      );
    }
    chunk.push(...fstabLines(mount, root + target, spec, options.deviceTemplate));
    done.push(mount);
  }
  if (spec.protect) chunk.push(...protectedLines(root));
  flush();
  return lines;
}

/** The device template holds the usual place of the termination message. */
function existsBefore(root: LayeredRoot, target: string): boolean {
  return target === '/dev/termination-log' || (!target.startsWith('/dev/') && statInside(root, target) !== undefined);
}

function fstabLines(mount: ContainerMount, target: string, spec: ContainerSpec, template: string): string[] {
  const place = escape(target);
  switch (mount.type) {
    case 'proc':
      return [`proc ${place} proc nosuid,nodev,noexec,X-mount.mkdir 0 0`];
    case 'sys':
      return [`sysfs ${place} sysfs nosuid,nodev,noexec,${mount.readOnly ? 'ro' : 'rw'},X-mount.mkdir 0 0`];
    case 'dev':
      return [
        overlayLine([template], `${spec.base}/dev-upper`, `${spec.base}/dev-work`, target),
        `devpts ${place}/pts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620 0 0`,
      ];
    case 'tmpfs':
      return [`tmpfs ${place} tmpfs nosuid,nodev,${mount.options},X-mount.mkdir 0 0`];
    case 'bind': {
      const words = [mount.recursive ? 'rbind' : 'bind'];
      if (mount.readOnly) words.push('ro');
      if (mount.kind === 'directory') words.push('X-mount.mkdir');
      return [`${escape(mount.source)} ${place} none ${words.join(',')} 0 0`];
    }
  }
}

/** As in root.c of the shim; what this kernel does not have is left out. */
function protectedLines(root: string): string[] {
  const at = (path: string): string => escape(root + path);
  const exists = (path: string): boolean => statInside({ layers: ['/'], mounts: [] }, path) !== undefined;
  const hidden = ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/sched_debug'].filter(exists);
  const empty = ['/proc/acpi', '/proc/scsi', '/sys/firmware'].filter(exists);
  const fixed = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'].filter(exists);
  return [
    ...hidden.map((path) => `/dev/null ${at(path)} none bind 0 0`),
    ...empty.map((path) => `tmpfs ${at(path)} tmpfs ro,size=0 0 0`),
    ...fixed.map((path) => `${at(path)} ${at(path)} none bind,ro 0 0`),
  ];
}

function overlayLine(layers: readonly string[], upper: string, work: string, target: string): string {
  const options = `lowerdir=${lowerOption(layers)},upperdir=${upper},workdir=${work},X-mount.mkdir`;
  return `overlay ${escape(target)} overlay ${escape(options)} 0 0`;
}

/** Links of an image cannot be followed from outside: one that is a link may be executable. */
function findCommand(root: string): string {
  return `case $1 in
*/*) [ -e ${shellQuote(root)}"$1" ] || [ -L ${shellQuote(root)}"$1" ] || case $1 in /*) fail "exec: \\"$1\\": stat $1: no such file or directory" ;; esac ;;
*) _rondo_found=; IFS=:; for _rondo_dir in $PATH; do
for _rondo_file in ${shellQuote(root)}"$_rondo_dir/$1"; do if [ -x "$_rondo_file" ] && [ ! -d "$_rondo_file" ] || [ -L "$_rondo_file" ]; then _rondo_found=yes; fi; done
done; unset IFS; [ -n "$_rondo_found" ] || fail "exec: \\"$1\\": executable file not found in \\$PATH" ;;
esac
case $1 in /*) if [ -d ${shellQuote(root)}"$1" ]; then fail "exec: \\"$1\\": is a directory"; elif [ -e ${shellQuote(root)}"$1" ] && [ ! -x ${shellQuote(root)}"$1" ]; then fail "exec: \\"$1\\": permission denied"; fi ;; esac
unset _rondo_found _rondo_dir _rondo_file`;
}

/**
 * The new root is moved over the old one, so that nothing is left outside to break out to. A host root brings its own
 * setpriv(1); with an image the privileges are given up before its root is entered (admission refuses what that
 * cannot do).
 */
function enterLines(spec: ContainerSpec, tool: (name: string) => string): string[] {
  const { privileges } = spec;
  const isHost = spec.layers.length === 1 && spec.layers[0] === '/';
  const words = isHost ? [tool('setpriv'), ...userWords(spec)] : [];
  const limits = isHost ? [] : [tool('setpriv'), ...limitWords(spec)];
  const user = isHost ? [] : ['-G', String(privileges.gid), '-S', String(privileges.uid)];
  const others = [...spec.others].map(([name, value]) => `${name}=${value}`);
  const environment = others.length === 0 ? [] : [tool('env'), ...others];
  const change = [tool('unshare'), '-R', '.', '-w', spec.workingDir, ...user];
  return [
    `cd ${shellQuote(`${spec.base}/root`)} && ${tool('mount')} --move . / 2>&3 || fail 'cannot enter the root'`,
    `exec ${[...environment, ...limits, ...change, ...words].map(shellQuote).join(' ')} -- "$@" 3>&-`,
  ];
}

function limitWords({ privileges }: ContainerSpec): string[] {
  const words = privileges.noNewPrivileges ? ['--no-new-privs'] : [];
  if (privileges.capabilities !== undefined) {
    const kept = privileges.capabilities.map((name) => `+${name}`);
    words.push(`--bounding-set=${['-all', ...kept].join(',')}`, '--inh-caps=-all');
  }
  return words;
}

function userWords(spec: ContainerSpec): string[] {
  const { uid, gid, groups } = spec.privileges;
  const grouped = groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`;
  return [`--reuid=${uid}`, `--regid=${gid}`, grouped, ...limitWords(spec)];
}

/** Process 1 of a namespace reaps whoever is left to it; /proc still tells it its number outside. */
function pauseWords(pause: PauseSpec, tool: (name: string) => string): string[] {
  const quote = shellQuote;
  const lines = ["trap '' HUP INT"];
  if (pause.hostname !== undefined)
    lines.push(`printf %s ${quote(pause.hostname)} >/proc/sys/kernel/hostname || exit 1`);
  lines.push(
    'read -r self </proc/self/stat',
    `printf '0 %s\\n%s\\n' "$self" "\${self%% *}" >${quote(pause.claim)}`,
    `: >${quote(pause.ready)}`,
    `while :; do ${tool('sleep')} 86400 & wait "$!"; done`,
  );
  const forks = pause.newNamespaces.includes('p') ? ['--fork', '--kill-child=KILL'] : [];
  const letters = pause.newNamespaces.split('').map((letter) => `-${letter}`);
  return [tool('unshare'), ...letters, ...forks, '/bin/sh', '-c', lines.join('\n')];
}

/** fstab(5): blanks and backslashes in octal. */
function escape(text: string): string {
  return text.replaceAll(/[\\ \t\n#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
