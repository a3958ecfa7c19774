import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { shellQuote } from '../wrapped/index.ts';

/** One mount in a container's mount namespace; targets are paths outside the new root. */
export type MountStep =
  | { readonly type: 'tmpfs'; readonly target: string }
  | {
      readonly type: 'bind';
      readonly source: string;
      readonly target: string;
      readonly recursive: boolean;
      readonly kind?: 'directory' | 'file';
      readonly readOnly?: boolean;
    }
  | {
      readonly type: 'overlay';
      readonly lower: string;
      readonly target: string;
      /** Holds the upper and work directories. */
      readonly base: string;
      readonly onTmpfs: boolean;
      readonly mode: number;
      readonly owner: string;
    };

export interface SandboxScript {
  readonly steps: readonly MountStep[];
  readonly root: string;
  readonly fstab: string;
  /** Gets the reason if the command cannot be executed. */
  readonly errorFile: string;
  readonly workingDir: string;
  readonly command: readonly string[];
  /** Who the container is, if not root: root of a user namespace makes the mounts, then this user is back. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  readonly containerName: string;
}

/**
 * `unshare … sh -c script`: one `mount -a` makes as many mounts as possible at once, because starting mount(8) costs
 * more than a mount. It is interrupted only where a file or directory must be made between two mounts.
 */
export function sandboxCommand(script: SandboxScript): string[] {
  const chunks: string[] = [];
  const lines: string[] = ['exec 3>"$1"', 'fail() { echo "$*" >&3; exit 128; }'];
  const flush = (): void => {
    if (chunks.length === 0) return;
    const file = `${script.fstab}-${lines.length}`;
    writeFileSync(file, `${chunks.splice(0).join('\n')}\n`, { mode: 0o600 });
    lines.push(`mount -a -T ${shellQuote(file)} 2>&3 || fail 'volumes cannot be mounted'`);
  };
  for (const step of script.steps) {
    const before = preparation(step, script.user !== undefined);
    if (before !== undefined) {
      flush();
      lines.push(before);
    }
    chunks.push(fstabLine(step, script.user !== undefined));
  }
  flush();
  lines.push('shift', enter(script));
  const namespaces = script.user === undefined ? ['-m'] : ['-U', '-r', '-m'];
  return [
    'unshare',
    ...namespaces,
    '/bin/sh',
    '-c',
    lines.join('\n'),
    'rondo',
    script.errorFile,
    script.workingDir,
    ...script.command,
  ];
}

/** What must be made before this mount and after those before it. */
function preparation(step: MountStep, rootless: boolean): string | undefined {
  const quote = shellQuote;
  if (step.type === 'bind' && step.kind === 'file') {
    const target = quote(step.target);
    return `[ -e ${target} ] || { mkdir -p ${quote(dirname(step.target))} && true >${target}; } || fail 'no place for a mount'`;
  }
  if (step.type !== 'overlay') return undefined;
  const [upper, work] = [quote(`${step.base}/upper`), quote(`${step.base}/work`)];
  const lines = step.onTmpfs ? [`mount -t tmpfs -o mode=0700 tmpfs ${quote(step.base)}`] : [];
  lines.push(`mkdir -p ${upper} ${work}`, `chmod ${step.mode.toString(8)} ${upper}`);
  if (!rootless) lines.push(`chown ${step.owner} ${upper}`);
  return `{ ${lines.join(' && ')}; } 2>&3 || fail 'no place for an overlay'`;
}

function fstabLine(step: MountStep, rootless: boolean): string {
  if (step.type === 'tmpfs') return `tmpfs ${escape(step.target)} tmpfs mode=0755 0 0`;
  if (step.type === 'overlay') {
    const options = [
      `lowerdir=${escapeOption(step.lower)}`,
      `upperdir=${escapeOption(`${step.base}/upper`)}`,
      `workdir=${escapeOption(`${step.base}/work`)}`,
      ...(rootless ? ['userxattr'] : []),
    ];
    return `overlay ${escape(step.target)} overlay ${escape(options.join(','))} 0 0`;
  }
  const options = [step.recursive ? 'rbind' : 'bind'];
  if (step.readOnly === true) options.push('ro');
  if (step.kind !== 'file') options.push('X-mount.mkdir');
  return `${escape(step.source)} ${escape(step.target)} none ${options.join(',')} 0 0`;
}

/** Into the new root, its working directory, and the command; `$1` is the directory, the rest the command. */
function enter({ root, user }: SandboxScript): string {
  const inner = shellQuote(
    [
      'cd "$1" 2>/dev/null || { echo "workingDir \\"$1\\": chdir: no such directory" >&3; exit 128; }',
      'shift',
      'command -v -- "$1" >/dev/null || { echo "exec: \\"$1\\": executable file not found in \\$PATH" >&3; exit 128; }',
      'exec "$@" 3>&-',
    ].join('\n'),
  );
  const change =
    user === undefined
      ? `chroot ${shellQuote(root)}`
      : `unshare -U --map-user=${user.uid} --map-group=${user.gid} -R ${shellQuote(root)}`;
  return `exec ${change} /bin/sh -c ${inner} rondo "$@"`;
}

/** fstab(5): blanks and backslashes in octal. */
function escape(text: string): string {
  return text.replaceAll(/[\\ \t\n#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** In overlay's options, commas and colons separate. */
function escapeOption(text: string): string {
  return text.replaceAll(/[\\,:]/g, (char) => `\\${char}`);
}
