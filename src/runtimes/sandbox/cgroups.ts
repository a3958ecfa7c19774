import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { quantityMillis, quantityValue, type Container } from '../../api/index.ts';
import { sleep, type Clock } from '../../clock/index.ts';
import type { Logger } from '../../log/index.ts';
import { RuntimeError } from '../runtime.ts';

export interface Limits {
  readonly memoryBytes: number | undefined;
  readonly cpuMillis: number | undefined;
  readonly pids: number | undefined;
}

const limitNames = ['memoryBytes', 'cpuMillis', 'pids'] as const;
const noLimits: Limits = { memoryBytes: undefined, cpuMillis: undefined, pids: undefined };
const tried = { memoryBytes: 1 << 30, cpuMillis: 1000, pids: 1000 };

/** A file of a group of a controller and what is written there; `optional`: kernels without it do without. */
interface Setting {
  readonly controller: keyof Limits;
  readonly file: string;
  readonly value: string;
  readonly optional?: boolean;
}

const mountPoint = '/sys/fs/cgroup';
const periodUs = 100_000;
/** A group can be removed when the kernel has let go of the last process: moments later. */
const retryMs = 10;
const retryLimit = 500;

export interface CgroupsOptions {
  /** Tells the groups of one data directory from those of others. */
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Limits of containers, in version 1 or 2 of cgroups, whichever this machine has controllers in. */
export class Cgroups {
  readonly #options: CgroupsOptions;
  readonly #prefix: string;
  /** Where a controller's groups are made; a controller that is missing limits nothing. */
  #roots: Partial<Record<keyof Limits, string>> = {};
  #version: 'none' | 'v1' | 'v2' = 'none';

  constructor(options: CgroupsOptions) {
    this.#options = options;
    this.#prefix = `rondo-${createHash('sha256').update(options.owner).digest('hex').slice(0, 8)}-`;
  }

  get version(): 'none' | 'v1' | 'v2' {
    return this.#version;
  }

  /** Which limits can be set here: by trying. */
  probe(): void {
    const unified = existsSync(`${mountPoint}/cgroup.controllers`);
    if (unified) enableControllers();
    const version = unified ? 'v2' : 'v1';
    const candidates: Record<keyof Limits, string> = unified
      ? { memoryBytes: mountPoint, cpuMillis: mountPoint, pids: mountPoint }
      : { memoryBytes: `${mountPoint}/memory`, cpuMillis: `${mountPoint}/cpu`, pids: `${mountPoint}/pids` };
    const working: Partial<Record<keyof Limits, string>> = {};
    this.#version = version;
    for (const name of limitNames) {
      this.#roots = { [name]: candidates[name] };
      if (this.#tryOut({ ...noLimits, [name]: tried[name] })) working[name] = candidates[name];
    }
    this.#roots = working;
    if (Object.keys(working).length === 0) this.#version = 'none';
  }

  /** The limits that this machine cannot set. */
  missing(limits: Limits): readonly (keyof Limits)[] {
    return limitNames.filter((name) => limits[name] !== undefined && this.#roots[name] === undefined);
  }

  /**
   * Makes the groups of a container and returns their `cgroup.procs`. Repeatable.
   * @throws RuntimeError RunContainerError
   */
  make(token: string, limits: Limits): readonly string[] {
    const made = new Set<string>();
    try {
      for (const { controller, file, value, optional } of settingsOf(limits, this.#version)) {
        const root = this.#roots[controller];
        if (root === undefined) continue;
        const group = `${root}/${this.#prefix}${token}`;
        if (!made.has(group)) mkdirSync(group, { recursive: true });
        made.add(group);
        if (optional !== true || existsSync(`${group}/${file}`)) writeFileSync(`${group}/${file}`, value);
      }
    } catch (error) {
      for (const group of made) this.#removeSoon(group);
      throw new RuntimeError('RunContainerError', `the cgroup cannot be made: ${(error as Error).message}`, {
        cause: error,
      });
    }
    return [...made].map((group) => `${group}/cgroup.procs`);
  }

  /** The `cgroup.procs` of a container that has groups. */
  procsOf(token: string): readonly string[] {
    const groups = new Set(Object.values(this.#roots).map((root) => `${root}/${this.#prefix}${token}/cgroup.procs`));
    return [...groups].filter(existsSync);
  }

  /** Whether memory ran out in a container: its group counted a kill. */
  ranOutOfMemory(token: string): boolean {
    const root = this.#roots.memoryBytes;
    if (root === undefined) return false;
    const file = `${root}/${this.#prefix}${token}/${this.#version === 'v2' ? 'memory.events' : 'memory.oom_control'}`;
    return existsSync(file) && Number(/^oom_kill (\d+)/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0) > 0;
  }

  /** The groups of a container that has ended go as soon as they are empty. */
  remove(token: string): void {
    for (const root of new Set(Object.values(this.#roots))) this.#removeSoon(`${root}/${this.#prefix}${token}`);
  }

  /** Removes groups of containers that are no longer held. */
  removeOthers(isHeld: (token: string) => boolean): void {
    for (const root of new Set(Object.values(this.#roots)))
      for (const name of readdirSync(root))
        if (name.startsWith(this.#prefix) && !isHeld(name.slice(this.#prefix.length)))
          this.#removeSoon(`${root}/${name}`);
  }

  #removeSoon(group: string): void {
    if (!existsSync(group) || removed(group)) return;
    const retry = async (): Promise<void> => {
      for (let left = retryLimit; left > 0; left--) {
        await sleep(this.#options.clock, retryMs);
        if (removed(group)) return;
      }
      this.#options.log.warn('a cgroup stays: it is not empty', { group });
    };
    retry().catch((error: unknown) => this.#options.log.error('a cgroup cannot be removed', { group, error }));
  }

  #tryOut(limits: Limits): boolean {
    try {
      this.make('probe', limits);
      return true;
    } catch {
      return false;
    } finally {
      for (const root of Object.values(this.#roots)) removed(`${root}/${this.#prefix}probe`);
    }
  }
}

/** True if it is gone. */
function removed(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** Where this is not allowed, the probe finds the controllers missing. */
function enableControllers(): void {
  for (const controller of ['memory', 'cpu', 'pids']) {
    try {
      writeFileSync(`${mountPoint}/cgroup.subtree_control`, `+${controller}`);
    } catch {
      continue;
    }
  }
}

function settingsOf({ memoryBytes, cpuMillis, pids }: Limits, version: 'none' | 'v1' | 'v2'): Setting[] {
  const settings: Setting[] = [];
  const v2 = version === 'v2';
  const add = (controller: keyof Limits, file: string, value: string | number, optional = false): void => {
    settings.push({ controller, file, value: String(value), optional });
  };
  if (memoryBytes !== undefined && v2) {
    add('memoryBytes', 'memory.max', memoryBytes);
    add('memoryBytes', 'memory.swap.max', 0, true);
    add('memoryBytes', 'memory.oom.group', 1, true);
  } else if (memoryBytes !== undefined) {
    add('memoryBytes', 'memory.limit_in_bytes', memoryBytes);
    add('memoryBytes', 'memory.memsw.limit_in_bytes', memoryBytes, true);
  }
  if (cpuMillis !== undefined) {
    // The kernel takes no quota below a millisecond.
    const quotaUs = Math.max(1000, Math.round((cpuMillis * periodUs) / 1000));
    if (v2) add('cpuMillis', 'cpu.max', `${quotaUs} ${periodUs}`);
    else add('cpuMillis', 'cpu.cfs_quota_us', quotaUs);
  }
  if (pids !== undefined) add('pids', 'pids.max', pids);
  return settings;
}

/** The limits that a container asks for. */
export function limitsOf(container: Container, pids: number | undefined): Limits {
  const limits = container.resources?.limits ?? {};
  const { memory, cpu } = limits;
  return {
    memoryBytes: memory === undefined ? undefined : quantityValue(memory),
    cpuMillis: cpu === undefined ? undefined : quantityMillis(cpu),
    pids,
  };
}
