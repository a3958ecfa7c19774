import { Readable, Writable } from 'node:stream';
import type { ContainerId, ExecSession, Runtime } from '../runtimes/index.ts';

/**
 * What a running container writes from now on, until it ends, as a session without input. Both of its streams go to one
 * log, so all comes as standard output.
 */
export function attachTo(runtime: Runtime, id: ContainerId): ExecSession {
  const abort = new AbortController();
  const stdout = Readable.from(
    runtime.readLog(id, { follow: true, timestamps: false, tailLines: 0, signal: abort.signal }),
    { objectMode: false },
  );
  const exitCode = new Promise<number>((resolve, reject) => {
    stdout.once('error', reject);
    stdout.once('close', () => resolve(0));
  });
  exitCode.catch(() => undefined);
  const stdin = new Writable({ write: (_chunk, _encoding, done) => done() });
  return { stdin, stdout, stderr: Readable.from([]), exitCode, kill: () => abort.abort() };
}
