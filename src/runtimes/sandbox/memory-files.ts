import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { quantityValue, type Pod } from '../../api/index.ts';
import { RuntimeError } from '../runtime.ts';
import { defaultPath, memoryMounts, memorySource, type PodFiles } from '../wrapped/index.ts';
import { needsPause } from './pause.ts';

const run = promisify(execFile);
const env = { PATH: defaultPath };
/** As other runtimes give a Pod. */
const sharedMemoryBytes = 64 << 20;

interface MemoryFiles {
  readonly directory: string;
  readonly mode: string;
  readonly sizeBytes: number;
}

/** Where the containers of a Pod that has several find what they share in /dev/shm. */
export function sharedMemoryOf(files: Pick<PodFiles, 'sandbox'>): string {
  return `${files.sandbox}/shm`;
}

/**
 * Puts in memory what a Pod wants there: emptyDirs of medium Memory, and /dev/shm where several containers share it. What
 * is written counts against the memory limits of the containers that write. Repeatable; goes with `unmountMemory` when the Pod is over.
 * @throws RuntimeError FailedMount
 */
export async function mountMemory(pod: Pod, files: PodFiles, nodeBytes: number): Promise<void> {
  const wanted = memoryFilesOf(pod, files, nodeBytes);
  if (wanted.length === 0) return;
  mkdirSync(files.sandbox, { recursive: true, mode: 0o700 });
  // First of all: an engine that dies in between must know that there may be something to unmount.
  writeFileSync(markerOf(files), '');
  const mounted = new Set(memoryMounts());
  for (const { directory, mode, sizeBytes } of wanted) {
    if (mounted.has(directory)) continue;
    mkdirSync(directory, { recursive: true });
    const options = `nosuid,nodev,mode=${mode},size=${sizeBytes}`;
    try {
      await run('mount', ['-t', 'tmpfs', '-o', options, memorySource, directory], { env });
    } catch (error) {
      throw new RuntimeError('FailedMount', `${directory} cannot be put in memory: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

/** What a Pod had in memory goes. Repeatable. */
export async function unmountMemory(files: Pick<PodFiles, 'sandbox' | 'volumes'>): Promise<void> {
  if (!existsSync(markerOf(files))) return;
  const own = memoryMounts().filter((path) => [files.sandbox, files.volumes].some((of) => path.startsWith(`${of}/`)));
  // Lazily: whoever still has a file open in there is about to end.
  if (own.length > 0) await run('umount', ['--lazy', ...own], { env });
}

function memoryFilesOf({ spec, ...pod }: Pod, files: PodFiles, nodeBytes: number): readonly MemoryFiles[] {
  const limitBytes = Math.min(nodeBytes, memoryLimitOf(spec));
  const found: MemoryFiles[] = (spec.volumes ?? []).flatMap(({ name, emptyDir }) => {
    if (emptyDir?.medium !== 'Memory') return [];
    const own = emptyDir.sizeLimit === undefined ? 0 : quantityValue(emptyDir.sizeLimit);
    const sizeBytes = own > 0 ? Math.min(own, limitBytes) : limitBytes;
    return [{ directory: `${files.volumes}/${name}`, mode: '0777', sizeBytes }];
  });
  if (needsPause({ spec, ...pod }) && spec.hostIPC !== true)
    found.push({ directory: sharedMemoryOf(files), mode: '1777', sizeBytes: sharedMemoryBytes });
  return found;
}

/** Of all containers together, where each has one. (Upstream: kubelet `calculateEmptyDirMemorySize`.) */
function memoryLimitOf({ containers }: Pod['spec']): number {
  let sum = 0;
  for (const { resources } of containers) {
    const limit = resources?.limits?.['memory'];
    if (limit === undefined) return Infinity;
    sum += quantityValue(limit);
  }
  return sum;
}

function markerOf(files: Pick<PodFiles, 'sandbox'>): string {
  return `${files.sandbox}/memory`;
}
