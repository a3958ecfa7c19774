import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { signalMarked } from './processes.ts';

const hasEnvironments = existsSync('/proc/self/environ');
if (!hasEnvironments) console.log('SKIPPED: marks of processes: only Linux shows environments');

describe.skipIf(!hasEnvironments)('the search for marked processes', () => {
  it('finds one that is always becoming another program', async () => {
    const token = `test-${process.pid}_main_0`;
    const child = spawn(
      '/bin/sh',
      ['-c', 'echo ready; exec "$0" -c "$1" "$0" "$1"', '/bin/sh', 'exec "$0" -c "$1" "$0" "$1"'],
      {
        env: { RONDO_CONTAINER: token },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    onTestFinished(() => void child.kill('SIGKILL'));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    for (let round = 0; round < 300; round++)
      expect(signalMarked([`${token}\0`], 'SIGCONT', undefined), `round ${round}`).toBe(1);
  });
});
