import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

/** What containers of this machine have mounted. */
export interface MountedLayers {
  /** Chains of all layers below a root file system. */
  readonly all: ReadonlySet<string>;
  /** Chains of those that nothing lies on: each ends the image of a container. */
  readonly uppermost: ReadonlySet<string>;
}

/**
 * Which layers of a directory the overlays of this machine stand on, asked of the kernel: no mark that could be lost or left
 * behind. Takes a look at each mount namespace once.
 */
export function mountedLayers(directory: string): MountedLayers {
  const [all, uppermost] = [new Set<string>(), new Set<string>()];
  const seen = new Set<string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const text = mountsOf(pid, seen);
    for (const line of text.split('\n')) {
      if (!line.includes(' - overlay ')) continue;
      const chains = chainsIn(line, directory);
      for (const chain of chains) all.add(chain);
      if (chains[0] !== undefined) uppermost.add(chains[0]);
    }
  }
  return { all, uppermost };
}

/** Empty for a process that is gone, or whose mounts were seen already. */
function mountsOf(pid: string, seen: Set<string>): string {
  try {
    const namespace = readlinkSync(`/proc/${pid}/ns/mnt`);
    if (seen.has(namespace)) return '';
    const text = readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
    seen.add(namespace);
    return text;
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EINVAL', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

const layerPath = /[=:]((?:\\.|[^\\:,=])*\/layers\/([0-9a-f]{64}))(?=[:,]|$)/g;

/** The uppermost first, as overlay names them. */
function chainsIn(line: string, directory: string): string[] {
  return [...line.matchAll(layerPath)]
    .filter(([, path = '', chain = '']) => isSame(unescaped(path), `${directory}/layers/${chain}`))
    .map(([, , chain = '']) => chain);
}

/** The kernel writes what would break its lines as three octal digits, overlay its separators behind a backslash. */
function unescaped(path: string): string {
  const whole = path.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return whole.replaceAll(/\\(.)/g, '$1');
}

function isSame(a: string, b: string): boolean {
  const [one, two] = [statSync(a, { throwIfNoEntry: false }), statSync(b, { throwIfNoEntry: false })];
  return one !== undefined && two !== undefined && one.ino === two.ino && one.dev === two.dev;
}
