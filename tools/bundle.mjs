// Joins the compiled program into a few files, dist/program/: Node opens 600 modules in 150 ms and needs 10 MB to keep them.
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { root } from './installed.mjs';

const outdir = `${root}dist/program`;

/** What a module finds beside itself it goes on finding: its URL is the one it had before it was joined with others. */
const keepUrls = {
  name: 'keep-urls',
  setup({ onLoad }) {
    onLoad({ filter: /\/dist\/.*\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const url = `new URL(${JSON.stringify(relative(outdir, path))}, import.meta.url).href`;
      return { contents: text.replaceAll('import.meta.url', url), resolveDir: dirname(path) };
    });
  },
};

await build({
  entryPoints: [`${root}dist/main.js`],
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  plugins: [keepUrls],
  logLevel: 'warning',
});
