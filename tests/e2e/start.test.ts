import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { processesNaming } from './processes.ts';
import { removeDirectory, runKubectl, temporaryDirectory } from './rondo.ts';
import { withDeadline } from './waiting.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const home = temporaryDirectory();
afterEach(() => {
  for (const { pid } of processesNaming(home)) process.kill(pid, 'SIGKILL');
  removeDirectory(home);
});

/** The example needs find, xargs and wc as every Unix has them. */
it('npm start runs the example to a result that can be checked, and stays up for kubectl', async () => {
  const env = { ...process.env, HOME: home, XDG_DATA_HOME: '' };
  const child = spawn(process.execPath, ['tools/start.mjs'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const lines: string[] = [];
  const shown = async (): Promise<void> => {
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
      if (line.includes('kubectl wait --for=condition=complete job/hello')) return;
    }
  };
  await withDeadline('the commands to try next', 60_000, shown());
  const text = lines.join('\n');
  const count = spawnSync('sh', ['-c', "find src -name '*.ts' | xargs cat | LC_ALL=C wc -w"], { cwd: root });
  expect(text).toMatch(new RegExp(`^\\[count-words-\\d-\\w+\\] total: ${count.stdout.toString().trim()} words$`, 'm'));
  expect(text).toMatch(/^count-words: 5\/5 succeeded, 0 failed, 0 running$/m);

  const kubeconfig = /^ {2}export KUBECONFIG=(.*)$/m.exec(text)![1]!;
  expect(kubeconfig).toBe(`${home}/.local/share/rondo/kubeconfig`);
  const commands = text.match(/(?<=^ {2}|&& )kubectl [^&\n]*/gm)!.map((command) => command.trim().split(/ +/).slice(1));
  expect(commands).toHaveLength(6);
  for (const args of commands) expect(runKubectl(kubeconfig, args), args.join(' ')).toMatchObject({ status: 0 });
  expect(runKubectl(kubeconfig, ['get', 'cronjob', 'every-minute', '-o', 'name']).stdout).toBe('cronjob.batch/every-minute\n'); // prettier-ignore
  child.kill('SIGINT');
  expect(await withDeadline('the end', 15_000, ended)).toBe(0);
}, 120_000);
