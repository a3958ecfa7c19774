import { defaultDataPath, imagesPath, imageTools } from '../engine/index.ts';
import { givenDataPath, parseOptions, UsageError, type Command, type Terminal } from './command.ts';

export const image: Command = {
  summary: 'load, list and remove images for the runtime sandbox',
  help: `Usage: rondo image load FILE [--data-dir DIR]
       rondo image ls [--data-dir DIR]
       rondo image rm NAME [--data-dir DIR]

Images that Rondo keeps, also while the engine runs. \`load\` takes what \`docker save\` writes, or a tar file of an OCI
layout, so that machines without a network have images too; it needs root.

  --data-dir DIR    as for \`rondo up\` (default: $XDG_DATA_HOME/rondo or ~/.local/share/rondo)

Exit codes: 0 done, 1 it could not be done, 2 wrong usage.
`,
  run: async (args, terminal) => {
    const { values, positionals } = parseOptions(args, { 'data-dir': { type: 'string' } });
    const directory = imagesPath(givenDataPath(values['data-dir']) ?? defaultDataPath(terminal.env));
    const [action, operand, ...more] = positionals;
    if (more.length > 0) throw new UsageError(`unexpected argument "${more[0]}"`);
    if (action === 'ls' && operand === undefined) return list(directory, terminal);
    if (action === 'load' && operand !== undefined) return load(directory, operand, terminal);
    if (action === 'rm' && operand !== undefined) return remove(directory, operand, terminal);
    throw new UsageError('say `load FILE`, `ls` or `rm NAME`');
  },
};

async function load(directory: string, file: string, terminal: Terminal): Promise<number> {
  const { loadImages } = await imageTools();
  try {
    for (const name of await loadImages(directory, file)) terminal.out(`loaded ${name}\n`);
    return 0;
  } catch (error) {
    return failed(error, terminal);
  }
}

async function list(directory: string, terminal: Terminal): Promise<number> {
  const names = (await imageTools()).listImages(directory);
  const width = Math.max(4, ...names.map(({ name }) => name.length));
  terminal.out(`${'NAME'.padEnd(width)}  IMAGE ID\n`);
  for (const { name, id } of names) terminal.out(`${name.padEnd(width)}  ${id.slice(0, 'sha256:'.length + 12)}\n`);
  return 0;
}

async function remove(directory: string, name: string, terminal: Terminal): Promise<number> {
  const { removeImage } = await imageTools();
  try {
    if (removeImage(directory, name)) return 0;
    throw new Error(`there is no image ${name}`);
  } catch (error) {
    return failed(error, terminal);
  }
}

function failed(error: unknown, terminal: Terminal): number {
  terminal.error(`rondo image: ${(error as Error).message}\n`);
  return 1;
}
