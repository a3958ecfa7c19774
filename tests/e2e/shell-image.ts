import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { tarOf, type TarEntry } from '../../src/runtimes/images/test-images.fixture.ts';
import type { UpOptions } from './rondo.ts';

/** A shell with its libraries in one layer, what only this image has in another. */
export const shellTars = ((): readonly Buffer[] => {
  const libraries = execFileSync('ldd', ['/bin/sh'], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  const shell = ['/bin/sh', ...libraries].map((file): TarEntry => ({
    name: file.slice(1),
    content: readFileSync(file),
    mode: 0o755,
  }));
  const own: readonly TarEntry[] = [
    { name: 'etc/passwd', content: 'root:x:0:0::/:/bin/sh\nalice:x:42:42::/home:/bin/sh\n' },
    { name: 'etc/hello', content: 'from the image\n' },
    { name: 'desk/', type: 'directory', mode: 0o777 },
  ];
  return [tarOf(shell), tarOf(own)];
})();

const shim = fileURLToPath(new URL('../../dist/shim/rondo-shim', import.meta.url));
const args = ['--runtime', 'sandbox', '--log-level', 'info'];
/** For the engine that is to do without the shim it is no program. */
const hideShim = 'mount --bind /dev/null "$0" && exec "$@"';

/** How `startRondo` starts an engine that runs images with each executor that this machine has. */
export const imageExecutors: readonly { readonly executor: string; readonly options: UpOptions }[] = existsSync(shim)
  ? [
      { executor: 'shim', options: { args } },
      {
        executor: 'util-linux',
        options: { args, wrap: (command) => ['unshare', '-m', 'sh', '-c', hideShim, shim, ...command] },
      },
    ]
  : [{ executor: 'util-linux', options: { args } }];
