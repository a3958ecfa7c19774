import { StoreOpenError, type DirectoryLock, type FileLayer, type OpenFile } from '../../src/store/index.ts';

const sectorBytes = 512;

/** What the fault-injecting layer counts and can fail. */
export type FileCall =
  'list' | 'open' | 'create' | 'read' | 'write' | 'log write' | 'sync' | 'rename' | 'remove' | 'sync directory';

/** The `at`-th call of one of these kinds fails. A power cut makes every later call fail as well. */
export interface FaultPlan {
  readonly at: number;
  readonly calls: readonly FileCall[];
  readonly fault: 'power cut' | 'EIO' | 'ENOSPC';
}

export const allCalls: readonly FileCall[] = [
  'list',
  'open',
  'create',
  'read',
  'write',
  'log write',
  'sync',
  'rename',
  'remove',
  'sync directory',
];
/** Calls that change something. */
export const writingCalls: readonly FileCall[] = [
  'create',
  'write',
  'log write',
  'sync',
  'rename',
  'remove',
  'sync directory',
];
/** Calls that may need space. */
export const spaceCalls: readonly FileCall[] = ['create', 'write', 'sync', 'rename', 'sync directory'];

interface Write {
  readonly position: number;
  readonly data: Buffer;
}

/** A file apart from its names. `durable` is what survives; `pending` may survive, sector by sector. */
class Inode {
  live: Buffer = Buffer.alloc(0);
  durable: Buffer = Buffer.alloc(0);
  pending: Write[] = [];

  write(position: number, data: Uint8Array): void {
    this.live = written(this.live, { position, data: Buffer.from(data) });
    this.pending.push({ position, data: Buffer.from(data) });
  }

  sync(): void {
    for (const write of this.pending) this.durable = written(this.durable, write);
    this.pending = [];
  }
}

type NameChange = ReadonlyMap<string, Inode | undefined>;

/** What of the unsynced writes and renames survives a power cut. Unsynced sectors survive in any combination. */
export type Survival = 'nothing' | 'everything' | { readonly random: () => number };

/**
 * Files in memory that remember what has been made durable, so that a power cut can be played at any call: names last
 * only after a directory sync (a prefix of the changes before may), bytes only after a sync or a durable write.
 */
export class FaultFiles implements FileLayer {
  plan: FaultPlan | undefined;
  /** All files together may not be larger than this. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Every call so far, for tests that want to fail each of them. */
  readonly calls: FileCall[] = [];
  #live = new Map<string, Inode>();
  #durable = new Map<string, Inode>();
  #changes: NameChange[] = [];
  #counted = 0;
  #cut = false;
  #locked = false;

  makeDirectory(): Promise<void> {
    return Promise.resolve();
  }

  async list(directory: string): Promise<readonly string[]> {
    this.#enter('list');
    return [...this.#live.keys()].map((path) => path.slice(directory.length + 1));
  }

  async open(path: string, mode: 'read' | 'log' | 'create'): Promise<OpenFile> {
    this.#enter(mode === 'create' ? 'create' : 'open');
    if (mode === 'create') this.#rename(new Map([[path, new Inode()]]));
    const inode = this.#live.get(path);
    if (inode === undefined) throw failure('ENOENT', path);
    return new FaultFile(this, { path, inode, mode });
  }

  async rename(from: string, to: string): Promise<void> {
    this.#enter('rename');
    const inode = this.#live.get(from);
    if (inode === undefined) throw failure('ENOENT', from);
    this.#rename(
      new Map([
        [from, undefined],
        [to, inode],
      ]),
    );
  }

  async remove(path: string): Promise<void> {
    this.#enter('remove');
    if (this.#live.has(path)) this.#rename(new Map([[path, undefined]]));
  }

  async syncDirectory(): Promise<void> {
    this.#enter('sync directory');
    for (const change of this.#changes) applyChange(this.#durable, change);
    this.#changes = [];
  }

  async lock(directory: string): Promise<DirectoryLock> {
    if (this.#locked) throw new StoreOpenError(`${directory} is in use by process 1`);
    this.#locked = true;
    return {
      release: async () => {
        this.#locked = false;
      },
    };
  }

  /** The disk as it may be found after a power cut now. */
  afterPowerCut(survival: Survival): FaultFiles {
    const next = new FaultFiles();
    const names = new Map(this.#durable);
    for (const change of this.#changes.slice(0, survivingChanges(survival, this.#changes.length))) {
      applyChange(names, change);
    }
    const copies = new Map<Inode, Inode>();
    for (const [path, inode] of names) {
      const copy = copies.get(inode) ?? survivor(inode, survival);
      copies.set(inode, copy);
      next.#live.set(path, copy);
      next.#durable.set(path, copy);
    }
    return next;
  }

  /** The bytes of a file, to look at or to damage. */
  bytes(path: string): Buffer {
    const inode = this.#live.get(path);
    if (inode === undefined) throw failure('ENOENT', path);
    return inode.live;
  }

  paths(): string[] {
    return [...this.#live.keys()];
  }

  usedBytes(): number {
    return [...this.#live.values()].reduce((sum, inode) => sum + inode.live.length, 0);
  }

  /** Counts a call, and fails it if it is its turn. A failing write may have been carried out in part. */
  enter(call: FileCall, torn?: () => void): void {
    this.calls.push(call);
    if (this.#cut) throw failure('EIO', 'after the power cut');
    if (this.plan === undefined || !this.plan.calls.includes(call)) return;
    this.#counted++;
    if (this.#counted !== this.plan.at) return;
    if (this.plan.fault !== 'ENOSPC') torn?.();
    if (this.plan.fault === 'power cut') this.#cut = true;
    throw failure(this.plan.fault === 'power cut' ? 'EIO' : this.plan.fault, call);
  }

  #enter(call: FileCall): void {
    this.enter(call);
  }

  #rename(change: NameChange): void {
    applyChange(this.#live, change);
    this.#changes.push(change);
  }
}

class FaultFile implements OpenFile {
  readonly path: string;
  readonly #files: FaultFiles;
  readonly #inode: Inode;
  readonly #mode: 'read' | 'log' | 'create';
  #open = true;

  constructor(files: FaultFiles, opened: { path: string; inode: Inode; mode: 'read' | 'log' | 'create' }) {
    this.#files = files;
    this.path = opened.path;
    this.#inode = opened.inode;
    this.#mode = opened.mode;
  }

  async sizeBytes(): Promise<number> {
    return this.#inode.live.length;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    this.#files.enter('read');
    return this.#inode.live.copy(target, 0, position, position + target.length);
  }

  readSync(target: Uint8Array, position: number): number {
    return this.#inode.live.copy(target, 0, position, position + target.length);
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    if (this.#mode === 'read') throw failure('EBADF', this.path);
    const torn = (): void => this.#inode.write(position, data);
    this.#files.enter(this.#mode === 'log' ? 'log write' : 'write', torn);
    const growth = Math.max(0, position + data.length - this.#inode.live.length);
    if (this.#files.usedBytes() + growth > this.#files.capacityBytes) throw failure('ENOSPC', this.path);
    this.#inode.write(position, data);
    if (this.#mode === 'log') this.#inode.sync();
  }

  async sync(): Promise<void> {
    this.#files.enter('sync');
    this.#inode.sync();
  }

  async close(): Promise<void> {
    if (!this.#open) throw failure('EBADF', this.path);
    this.#open = false;
  }
}

function survivingChanges(survival: Survival, count: number): number {
  if (survival === 'nothing') return 0;
  return survival === 'everything' ? count : Math.floor(survival.random() * (count + 1));
}

function survivor(inode: Inode, survival: Survival): Inode {
  const copy = new Inode();
  let bytes: Buffer = Buffer.from(inode.durable);
  for (const write of survival === 'nothing' ? [] : inode.pending) {
    for (const sector of sectorsOf(write)) {
      if (survival === 'everything' || survival === 'nothing' || survival.random() < 0.5)
        bytes = written(bytes, sector);
    }
  }
  copy.live = Buffer.from(bytes);
  copy.durable = bytes;
  return copy;
}

/** A write cut at the disk's sector boundaries. */
function sectorsOf(write: Write): Write[] {
  const sectors: Write[] = [];
  const end = write.position + write.data.length;
  for (let from = write.position; from < end;) {
    const to = Math.min(end, (Math.floor(from / sectorBytes) + 1) * sectorBytes);
    sectors.push({ position: from, data: write.data.subarray(from - write.position, to - write.position) });
    from = to;
  }
  return sectors;
}

function written(bytes: Buffer, write: Write): Buffer {
  const size = Math.max(bytes.length, write.position + write.data.length);
  const target = size === bytes.length ? bytes : Buffer.concat([bytes], size);
  write.data.copy(target, write.position);
  return target;
}

function applyChange(names: Map<string, Inode>, change: NameChange): void {
  for (const [path, inode] of change) {
    if (inode === undefined) names.delete(path);
    else names.set(path, inode);
  }
}

function failure(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
