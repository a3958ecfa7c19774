// Compiles src/ to dist/ unless dist/ is newer than every source. `--force` always compiles.
import { chmodSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { bin, ensureInstalled, root, run } from './installed.mjs';

const stamp = `${root}dist/.built`;

function newestSource() {
  return ['src', 'tsconfig.json', 'tsconfig.build.json', 'package.json']
    .flatMap((path) =>
      statSync(root + path).isDirectory()
        ? readdirSync(root + path, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => `${entry.parentPath}/${entry.name}`)
        : [root + path],
    )
    .reduce((newest, path) => Math.max(newest, statSync(path).mtimeMs), 0);
}

export function ensureBuilt() {
  ensureInstalled();
  if (!process.argv.includes('--force') && existsSync(stamp) && statSync(stamp).mtimeMs > newestSource()) return;
  rmSync(`${root}dist`, { recursive: true, force: true });
  run(process.execPath, [bin('tsc'), '-p', 'tsconfig.build.json']);
  chmodSync(`${root}dist/main.js`, 0o755);
  writeFileSync(stamp, '');
}

if (process.argv[1] === new URL(import.meta.url).pathname) ensureBuilt();
