import { humanDuration, parseTime } from '../api/index.ts';
import { statusPath, type EngineStatus } from '../engine/index.ts';
import { parseOptions, UsageError, type Command } from './command.ts';
import { askEngine, engineAccess, readAnswer } from './engine-access.ts';

const mebibyte = 2 ** 20;

export const status: Command = {
  summary: 'show whether an engine is well, and what it holds',
  help: `Usage: rondo status [-o text|json] [--data-dir DIR | --kubeconfig FILE]

Shows the checks of \`/readyz\`, the store's revision, the memory of the engine's process, and how many objects there are.

  -o FORMAT          text (default) or json
  --data-dir DIR     the engine's data directory (default: $XDG_DATA_HOME/rondo or ~/.local/share/rondo)
  --kubeconfig FILE  how to reach the engine, instead of the data directory's kubeconfig

Exit codes: 0 all checks pass, 1 one does not or the engine cannot be reached, 2 wrong usage.
`,
  run: async (args, terminal) => {
    const { values, positionals } = parseOptions(args, {
      'data-dir': { type: 'string' },
      kubeconfig: { type: 'string' },
      output: { type: 'string', short: 'o' },
    });
    if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
    const { output = 'text' } = values;
    if (output !== 'text' && output !== 'json') throw new UsageError(`-o ${output}: say text or json`);
    const access = engineAccess(values, terminal.env, { directory: 'rondo', hint: 'rondo up' });
    const found = readAnswer<EngineStatus>(await askEngine(access, { path: statusPath }));
    const ready = await askEngine(access, { path: '/readyz?verbose' });
    const checks = checksOf(ready.text);
    terminal.out(
      output === 'json'
        ? `${JSON.stringify({ server: access.server, ...found, checks }, undefined, 2)}\n`
        : textOf(access.server, found, checks),
    );
    return ready.status === 200 ? 0 : 1;
  },
};

interface Check {
  readonly name: string;
  readonly ok: boolean;
}

/** The lines of `/readyz?verbose`: `[+]ping ok`, `[-]etcd failed: reason withheld`. */
function checksOf(text: string): readonly Check[] {
  return [...text.matchAll(/^\[([+-])\](\S+)/gm)].map(([, sign, name = '']) => ({ name, ok: sign === '+' }));
}

function textOf(server: string, found: EngineStatus, checks: readonly Check[]): string {
  const failed = checks.filter(({ ok }) => !ok).map(({ name }) => name);
  const upMs = parseTime(found.now) - parseTime(found.startedAt);
  const rows: (readonly [string, string])[] = [
    ['server', `${server}, up ${humanDuration(upMs)}`],
    [
      'checks',
      failed.length === 0 ? `ok (${checks.map(({ name }) => name).join(', ')})` : `FAILED: ${failed.join(', ')}`,
    ],
    ['node', found.nodeName],
    ['memory', `${Math.round(found.residentBytes / mebibyte)} MiB`],
    ['store', `revision ${found.store.revision}, watchable from ${found.store.compactedRevision}`],
    ...found.objects.map(({ resource, count }) => [resource, String(count)] as const),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}
