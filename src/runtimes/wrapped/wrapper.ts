import type { ContainerFiles } from './layout.ts';
import { shellQuote } from './shell-quote.ts';

/**
 * How a shell on this machine gives a container a process group of its own.
 * `job-control`: `set -m` (bash, also as macOS' sh): no further process, and signals are as they should be.
 * `setsid`: for shells whose `set -m` needs a terminal (dash, busybox). They start background commands with SIGINT and
 * SIGQUIT ignored, which `env --default-signal` repairs where there is a GNU env.
 */
export interface Shell {
  readonly path: string;
  readonly args: readonly string[];
  readonly group: { readonly type: 'job-control' } | { readonly type: 'setsid'; readonly prefix: string };
  /** `/proc/self/stat` can be read: it tells pid and start time without a further process. */
  readonly hasProc: boolean;
}

/** What starts containers and wraps them: the compiled starter, or a shell. */
export type Starter =
  { readonly type: 'shell'; readonly shell: Shell } | { readonly type: 'compiled'; readonly path: string };

/**
 * The wrapper of one container, as a shell function of the spawner; it runs in a subshell of it, about one megabyte
 * shared with all others. Everything comes in positional parameters, because the variables belong to the container's
 * environment: 1 claim file, 2 begin of the exit file's name, 3 log file, 4 directory of the Pod, 5 working directory
 * (empty: that directory), 6 start time in ms, then the command. A Pod that was removed meanwhile has no directory
 * any more: then nothing is started.
 *
 * The order is what makes it exact under kill -9: claim (O_EXCL) before anything is started; the exit file is made
 * in one system call. A full disk delays both, it never loses them. What is left of the process group is killed when
 * the main process has ended, as it would be with a container's own pid namespace.
 */
export function wrapperScript(shell: Shell): string {
  const identify = shell.hasProc
    ? 'IFS= read -r _rondo_self </proc/self/stat'
    : `_rondo_self=$(exec /bin/sh -c 'echo "$PPID"')`;
  const group = shell.group.type === 'job-control' ? 'set -m' : ':';
  const prefix = shell.group.type === 'job-control' ? '' : `${shell.group.prefix} `;
  return `umask 022
unset OLDPWD SHLVL
${group}
_rondo_run() {
trap : HUP INT TERM
${identify}
set -C
until echo "$6 $_rondo_self" >"$1"; do
if [ -e "$1" ] || ! [ -d "$4" ]; then exit 17; fi
command -p sleep 1
done
set +C
cd "$4" && cd "\${5:-$4}" || exit 17
${group}
( shift 6; exec ${prefix}"$@" ) </dev/null >>"$3" 2>&1 &
echo "$!" >>"$1"
wait "$!"
_rondo_code=$?
while [ "$_rondo_code" -gt 128 ] && kill -0 "$!"; do
command -p sleep 1
wait "$!"
_rondo_code=$?
done
kill -KILL -- "-$!"
[ -s "\${3%.log}.error" ] && _rondo_code=128S
until true >"$2$_rondo_code"; do
[ -d "\${2%/*}" ] || exit
command -p sleep 1
done
}
`;
}

export interface StartCommand {
  readonly files: ContainerFiles;
  /** Path up to the exit code: `exits/<token>_<startedMs>_`. */
  readonly exitPrefix: string;
  readonly podDirectory: string;
  /** Empty: the Pod's directory. */
  readonly cwd: string;
  readonly startedAtMs: number;
  readonly exports: ReadonlyMap<string, string>;
  readonly command: readonly string[];
}

/**
 * The text that makes the spawner start one container. Every true prefix of it is incomplete for the shell, so that
 * an engine killed in the middle of writing it starts nothing.
 */
export function startText(start: StartCommand): string {
  const { files, exitPrefix, podDirectory, cwd } = start;
  const words = [files.claim, exitPrefix, files.log, podDirectory, cwd, String(start.startedAtMs)];
  const assignments = [...start.exports].map(([name, value]) => `${name}=${shellQuote(value)}`);
  const call = [...words, ...start.command].map(shellQuote).join(' ');
  return `( export ${assignments.join(' ')}; _rondo_run ${call} ) </dev/null >/dev/null 2>&1 &\n`;
}
