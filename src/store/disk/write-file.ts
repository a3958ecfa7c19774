import * as path from 'node:path';
import type { FileLayer } from './file-layer.ts';

/** Writes a file beside its place, syncs it and renames it there. The name is durable after a directory sync. */
export async function writeFileSafely(
  files: FileLayer,
  target: { directory: string; name: string; bytes: Buffer },
): Promise<void> {
  const draft = path.join(target.directory, `${target.name}.tmp`);
  const file = await files.open(draft, 'create');
  try {
    await file.write(target.bytes, 0);
    await file.sync();
  } catch (error) {
    await file.close();
    await files.remove(draft);
    throw error;
  }
  await file.close();
  await files.rename(draft, path.join(target.directory, target.name));
}
