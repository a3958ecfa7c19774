import { join } from 'node:path';

/** What works on the images of a data directory; loaded only when somebody asks for it. */
export function imageTools(): Promise<typeof import('../runtimes/images/index.ts')> {
  return import('../runtimes/images/index.ts');
}

/** Where a data directory has its images. */
export function imagesPath(dataPath: string): string {
  return join(dataPath, 'images');
}
