import { createReadStream } from 'node:fs';
import { BackupError, defaultDataPath, readBackup, restoreDataDirectory, StartError } from '../engine/index.ts';
import { givenDataPath, parseOptions, UsageError, type Command } from './command.ts';

export const restore: Command = {
  summary: 'make a data directory of a backup',
  help: `Usage: rondo restore FILE [--data-dir DIR]

Makes a data directory of what \`rondo backup\` saved; \`rondo up\` on it goes on from there. FILE \`-\` is standard input. The
directory must not exist, or be empty. Pods that ran when the backup was made are reported as lost, and their Jobs go on
by their own rules.

  --data-dir DIR  the data directory to make (default: $XDG_DATA_HOME/rondo or ~/.local/share/rondo)

Exit codes: 0 restored, 1 it could not be restored (nothing is left behind), 2 wrong usage.
`,
  run: async (args, terminal) => {
    const { values, positionals } = parseOptions(args, { 'data-dir': { type: 'string' } });
    const [file, ...more] = positionals;
    if (file === undefined) throw new UsageError('say what to restore: `rondo restore FILE`');
    if (more.length > 0) throw new UsageError(`unexpected argument "${more[0]}"`);
    const path = givenDataPath(values['data-dir']) ?? defaultDataPath(terminal.env);
    try {
      const backup = await readBackup(file === '-' ? process.stdin : createReadStream(file));
      const objects = await restoreDataDirectory(path, backup);
      terminal.out(`restored ${objects} objects at revision ${backup.header.revision} to ${path}\n`);
      return 0;
    } catch (error) {
      if (error instanceof BackupError) throw new StartError(`${file}: ${error.message}`, { cause: error });
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      throw new StartError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  },
};
