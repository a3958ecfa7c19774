import { lstat, opendir } from 'node:fs/promises';

/** What a file, or a directory with all in it, takes on disk. A file with several names counts once for all together. */
export async function bytesBelow(path: string): Promise<number> {
  const stats = await lstat(path);
  if (!stats.isDirectory()) return (stats.blocks * 512) / stats.nlink;
  let bytes = stats.blocks * 512;
  for await (const entry of await opendir(path)) bytes += await bytesBelow(`${path}/${entry.name}`);
  return bytes;
}
