import { createWriteStream, fsyncSync, openSync, closeSync, renameSync, rmSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { formatTime } from '../api/index.ts';
import type { ClusterAccess } from '../client/index.ts';
import { backupPath, StartError, systemClock, writeBackup, type BackupPage } from '../engine/index.ts';
import { parseOptions, UsageError, type Command } from './command.ts';
import { askEngine, engineAccess, readAnswer } from './engine-access.ts';

export const backup: Command = {
  summary: 'save all objects and keys of a running engine to a file',
  help: `Usage: rondo backup FILE [--data-dir DIR | --kubeconfig FILE]

Saves every object as it is at one instant, with the engine's keys, certificates and token, while the engine runs on.
\`rondo restore FILE\` makes a data directory of it. FILE \`-\` is standard output. The file is for its owner only: it holds
Secrets and keys. Logs, images and the contents of volumes are not in it.

  --data-dir DIR     the engine's data directory (default: $XDG_DATA_HOME/rondo or ~/.local/share/rondo)
  --kubeconfig FILE  how to reach the engine, instead of the data directory's kubeconfig

Exit codes: 0 saved, 1 it could not be saved (nothing is left behind), 2 wrong usage.
`,
  run: async (args, terminal) => {
    const { values, positionals } = parseOptions(args, {
      'data-dir': { type: 'string' },
      kubeconfig: { type: 'string' },
    });
    const [file, ...more] = positionals;
    if (file === undefined) throw new UsageError('say where to: `rondo backup FILE`');
    if (more.length > 0) throw new UsageError(`unexpected argument "${more[0]}"`);
    const access = engineAccess(values, terminal.env, { directory: 'rondo', hint: 'rondo up' });
    const createdAt = formatTime(systemClock.now());
    const save = (target: Writable): Promise<Saved> => writeBackup(target, pagesOf(access), createdAt);
    const { objects, revision } = file === '-' ? await save(process.stdout) : await saveTo(file, save);
    terminal.error(`saved ${objects} objects at revision ${revision}\n`);
    return 0;
  },
};

type Saved = Awaited<ReturnType<typeof writeBackup>>;

async function* pagesOf(access: ClusterAccess): AsyncGenerator<BackupPage> {
  let query = '';
  for (;;) {
    const page = readAnswer<BackupPage>(await askEngine(access, { path: `${backupPath}${query}` }));
    yield page;
    if (page.after === undefined) return;
    query = `?revision=${page.revision}&after=${encodeURIComponent(page.after)}`;
  }
}

/** Under its name only when it is whole and on the disk. */
async function saveTo(file: string, save: (target: Writable) => Promise<Saved>): Promise<Saved> {
  const draft = `${file}.partial`;
  try {
    const saved = await save(createWriteStream(draft, { mode: 0o600 }));
    const descriptor = openSync(draft, 'r');
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(draft, file);
    return saved;
  } catch (error) {
    rmSync(draft, { force: true });
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new StartError(`${file} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}
