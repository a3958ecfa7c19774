import { existsSync } from 'node:fs';

/** Prints what tests depend on, so that a result can be read without the machine. */
export default function setup(): void {
  const user = process.getuid?.() === 0 ? 'root' : 'not root';
  const starter = existsSync(new URL('../dist/rondo-starter', import.meta.url))
    ? 'with the compiled starter'
    : 'without a compiled starter (no C compiler)';
  console.log(`node ${process.versions.node}, ${process.platform}-${process.arch}, ${user}, ${starter}`);
}
