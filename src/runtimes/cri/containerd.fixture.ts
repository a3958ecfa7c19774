import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { digest, imageOf, tarOf, type TarEntry, type TestImage } from '../images/test-images.fixture.ts';

const busybox = '/bin/busybox';
const commands = ['containerd', 'containerd-shim-runc-v2', 'runc', 'ctr'];

/** Why there can be no containerd of the tests' own here; undefined if there can. */
export function containerdProblem(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root';
  const missing = commands.filter((name) => findCommand(name) === undefined);
  if (missing.length > 0) return `not installed: ${missing.join(', ')} (Debian: containerd, runc)`;
  const file = existsSync(busybox) ? spawnSync(busybox, ['true']) : undefined;
  if (file?.status !== 0 || !isStatic(busybox)) return 'no static busybox (Debian: busybox-static)';
  return undefined;
}

function findCommand(name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  return directories.map((directory) => join(directory, name)).find((path) => existsSync(path));
}

/** A program without an interpreter runs in an image that holds nothing else. */
function isStatic(path: string): boolean {
  return spawnSync('ldd', [path]).status !== 0;
}

/** Names of images that a containerd of the tests has from the beginning. */
export const pauseImage = 'rondo.test/pause:1';
export const busyboxImage = 'rondo.test/busybox:1';

/** busybox with all its commands, and two users. */
export function makeBusyboxImage(config: object = {}): TestImage {
  return imageOf([{ tar: busyboxLayer() }], { Cmd: ['/bin/sh'], Env: ['PATH=/bin', 'FROM_IMAGE=yes'], ...config });
}

let layer: Buffer | undefined;

function busyboxLayer(): Buffer {
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  const directories = ['bin', 'etc', 'tmp', 'root', 'home', 'dev', 'proc', 'sys'];
  layer ??= tarOf([
    ...directories.map((name): TarEntry => ({
      name: `${name}/`,
      type: 'directory',
      mode: name === 'tmp' ? 0o1777 : 0o755,
    })),
    { name: 'bin/busybox', content: readFileSync(busybox), mode: 0o755 },
    ...applets
      .filter((name) => name !== 'busybox')
      .map((name): TarEntry => ({ name: `bin/${name}`, type: 'link', target: 'bin/busybox', mode: 0o755 })),
    { name: 'etc/passwd', content: 'root:x:0:0::/root:/bin/sh\nalice:x:1042:1042::/home:/bin/sh\n' },
    { name: 'etc/group', content: 'root:x:0:\nalice:x:1042:\nstaff:x:50:alice\n' },
  ]);
  return layer;
}

/** An image in a file, as `docker save` writes it. */
export function archiveOf(name: string, image: TestImage): Buffer {
  const layers = [...image.blobs].filter(([id]) => id !== digest(image.config));
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: layers.map((_, index) => `${index}.tar`) }];
  return tarOf([
    { name: 'manifest.json', content: JSON.stringify(manifest) },
    { name: 'config.json', content: image.config },
    ...layers.map(([, content], index) => ({ name: `${index}.tar`, content })),
  ]);
}

export interface ContainerdOptions {
  /** A directory with CNI configurations; without it only host networks can be had. */
  readonly network?: string;
}

/** A containerd of the tests' own, with root, state and socket in a directory of its own. */
export class Containerd {
  readonly directory: string;
  readonly socket: string;
  #process: ChildProcess | undefined;

  private constructor() {
    // Not on tmpfs, where there is no overlay of an overlay, and short: socket paths are limited.
    mkdirSync('/tmp/cri', { recursive: true });
    this.directory = mkdtempSync('/tmp/cri/');
    this.socket = join(this.directory, 'c.sock');
  }

  static async start(options: ContainerdOptions = {}): Promise<Containerd> {
    const containerd = new Containerd();
    writeFileSync(join(containerd.directory, 'config.toml'), containerd.#config(options));
    await containerd.up();
    const pause = imageOf([{ tar: busyboxLayer() }], { Entrypoint: ['/bin/sleep', '1000000'] });
    containerd.load(pauseImage, pause);
    containerd.load(busyboxImage, makeBusyboxImage());
    return containerd;
  }

  get endpoint(): string {
    return `unix://${this.socket}`;
  }

  /** Starts it (again). */
  async up(): Promise<void> {
    const log = openSync(join(this.directory, 'log'), 'a');
    const path = `${process.env['PATH'] ?? ''}:/usr/sbin`;
    this.#process = spawn(findCommand('containerd')!, ['--config', join(this.directory, 'config.toml')], {
      stdio: ['ignore', log, log],
      env: { ...process.env, PATH: path },
    });
    // A client that is told at once whether anybody answers: `ctr` waits on its own.
    await this.#answers();
  }

  /** As with kill -9; containers go on. */
  async down(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  load(name: string, image: TestImage): void {
    const file = join(this.directory, 'image.tar');
    writeFileSync(file, archiveOf(name, image));
    this.ctr(['images', 'import', file]);
  }

  ctr(args: readonly string[]): string {
    const words = ['--address', this.socket, '--namespace', 'k8s.io', ...args];
    return execFileSync(findCommand('ctr')!, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  log(): string {
    return readFileSync(join(this.directory, 'log'), 'utf8');
  }

  /** Processes, mounts and network namespaces of pods that are there now. */
  traces(): readonly string[] {
    const processes = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => `process ${readOrEmpty(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`)
      .filter((line) => line.includes('containerd-shim') && line.includes(this.socket));
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(this.directory))
      .map((line) => `mount ${line}`);
    return [...processes, ...mounts];
  }

  /** Ends it, and whatever of its containers a failed test has left. */
  async close(): Promise<void> {
    const left = await this.#lastTraces();
    await this.down('SIGTERM');
    for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      const command = readOrEmpty(`/proc/${name}/cmdline`);
      if (command.includes('containerd-shim') && command.includes(this.socket)) endShim(Number(name));
    }
    for (const line of this.traces().toReversed()) spawnSync('umount', ['-l', line.split(' ')[5] ?? '']);
    rmSync(this.directory, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind: ${left.join('\n')}`);
  }

  /** What does not go by itself: containerd ends a shim a moment after it has said that its sandbox is removed. */
  async #lastTraces(): Promise<readonly string[]> {
    for (const giveUpMs = Date.now() + 10_000; Date.now() < giveUpMs;) {
      if (this.traces().length === 0) return [];
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.traces();
  }

  async #answers(): Promise<void> {
    for (const giveUpMs = Date.now() + 30_000; Date.now() < giveUpMs;) {
      if (await canConnect(this.socket)) {
        // The socket is there before its services are.
        if (spawnSync(findCommand('ctr')!, ['--address', this.socket, 'version'], { timeout: 20_000 }).status === 0)
          return;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`containerd does not answer: ${this.log()}`);
  }

  #config({ network }: ContainerdOptions): string {
    const { directory } = this;
    return `version = 2
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = [${['aufs', 'btrfs', 'devmapper', 'zfs'].map((name) => `"io.containerd.snapshotter.v1.${name}"`).join(', ')}]
[grpc]
  address = "${this.socket}"
[ttrpc]
  address = "${directory}/t.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "${directory}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${network ?? `${directory}/no-network`}"
`;
  }
}

/** A shim ends its container with itself only when asked; what it started is ended first. */
function endShim(pid: number): void {
  const children = readOrEmpty(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  for (const child of [...children, pid]) {
    try {
      process.kill(child, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

function canConnect(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket, () => {
      connection.destroy();
      resolve(true);
    });
    connection.on('error', () => resolve(false));
  });
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // The process has ended.
    return '';
  }
}
