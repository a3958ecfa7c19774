import { readFileSync } from 'node:fs';
import { parseOptions, UsageError, type Command } from './command.ts';

/** The version of this package. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

export const version: Command = {
  summary: 'print the version',
  help: 'Usage: rondo version\n\nPrints the versions of Rondo, of Node and of the Kubernetes API it speaks.\n',
  run: (args, terminal) => {
    const { positionals } = parseOptions(args, {});
    if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
    terminal.out(`rondo ${packageVersion()} (Kubernetes API 1.35, Node ${process.versions.node})\n`);
    return Promise.resolve(0);
  },
};
