import { statfs } from 'node:fs/promises';
import type { DiskFigures, KeptImage } from '../image-service.ts';
import type { StoredName } from './image-store.ts';

/** The images behind these names. One with a name that no registry gave it was loaded from a file, and is pinned. */
export function keptImages(names: readonly StoredName[]): readonly KeptImage[] {
  const images = new Map<string, { id: string; names: string[]; pinned: boolean }>();
  for (const { id, name, repoDigest } of names) {
    const image = images.get(id) ?? { id, names: [], pinned: false };
    image.names.push(name);
    image.pinned ||= repoDigest === undefined;
    images.set(id, image);
  }
  return [...images.values()];
}

export async function diskOf(directory: string): Promise<DiskFigures> {
  const { bsize, blocks, bavail } = await statfs(directory);
  return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize };
}
