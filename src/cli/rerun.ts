import { toYaml, type Job } from '../api/index.ts';
import { StartError } from '../engine/index.ts';
import { parseOptions, UsageError, type Command } from './command.ts';
import { askEngine, engineAccess, readAnswer } from './engine-access.ts';
import { RerunError, rerunOf } from './rerun/rerun-of.ts';

export const rerun: Command = {
  summary: 'print a Job that runs only the failed indexes of an Indexed Job again',
  help: `Usage: rondo rerun job/NAME --failed [-n NAMESPACE] [--name NEW] [-o yaml|json]

Prints the manifest of a plain Indexed Job, for this engine or any cluster: \`rondo rerun job/export --failed | kubectl create -f -\`.
It has one index for each index of the Job that has not succeeded (while that still runs: that has failed for good), and its
programs find the index of the first Job in JOB_COMPLETION_INDEX. For that a few words of shell stand before their command, so
the command must be in the manifest, and its image have /bin/sh. Reruns can be rerun.

  --failed            what to run again; the only choice so far
  -n, --namespace NS  the namespace (default: default)
  --name NEW          name of the new Job (default: NAME-rerun)
  --kubeconfig FILE   how to reach the engine or cluster (default: what $KUBECONFIG names, else the data directory's)
  --data-dir DIR      the engine's data directory (default: $XDG_DATA_HOME/rondo or ~/.local/share/rondo)
  -o FORMAT           yaml (default) or json

Exit codes: 0 printed, 1 no such Job, nothing has failed, or it cannot be run again like that, 2 wrong usage.
`,
  run: async (args, terminal) => {
    const { values, positionals } = parseOptions(args, {
      ...{ failed: { type: 'boolean' }, name: { type: 'string' }, namespace: { type: 'string', short: 'n' } },
      ...{ kubeconfig: { type: 'string' }, 'data-dir': { type: 'string' }, output: { type: 'string', short: 'o' } },
    });
    const { output = 'yaml', namespace = 'default' } = values;
    if (output !== 'yaml' && output !== 'json') throw new UsageError(`-o ${output}: say yaml or json`);
    const name = nameOf(positionals);
    if (values.failed !== true) throw new UsageError('say --failed');
    const access = engineAccess(values, terminal.env, { directory: 'rondo', hint: 'rondo up' });
    const path = `/apis/batch/v1/namespaces/${encodeURIComponent(namespace)}/jobs/${encodeURIComponent(name)}`;
    const job = readAnswer<Job>(await askEngine(access, { path }));
    try {
      const manifest = rerunOf(job, values.name ?? `${name}-rerun`);
      terminal.out(output === 'json' ? `${JSON.stringify(manifest, undefined, 2)}\n` : toYaml(manifest));
      return 0;
    } catch (error) {
      if (error instanceof RerunError) throw new StartError(error.message, { cause: error });
      throw error;
    }
  },
};

function nameOf(words: readonly string[]): string {
  const [word, ...rest] = words;
  if (word === undefined) throw new UsageError('say which: rondo rerun job/NAME --failed');
  if (rest.length > 0) throw new UsageError(`unexpected argument "${rest[0]}"`);
  const [, name] = /^jobs?(?:\.batch)?\/([^/]+)$/.exec(word) ?? [];
  if (name === undefined) throw new UsageError(`"${word}" is not of the form job/NAME`);
  return name;
}
