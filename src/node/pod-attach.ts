import { PassThrough, Readable, Writable } from 'node:stream';
import type { ContainerId, ExecSession, Runtime } from '../runtimes/index.ts';

/**
 * What a running container writes from now on, until it ends, and with `input` what it reads. Both of its streams go to one
 * log, so all comes as standard output.
 * @throws RuntimeError if it reads nothing (any more)
 */
export function attachTo(runtime: Runtime, id: ContainerId, input: boolean): ExecSession {
  const stdin = input ? runtime.openInput?.(id) : undefined;
  const abort = new AbortController();
  // What it is given must not be answered before somebody listens.
  const given = new PassThrough();
  const onBegin = (): void => {
    if (stdin !== undefined) given.pipe(stdin);
  };
  const stdout = Readable.from(
    runtime.readLog(id, { follow: true, timestamps: false, tailLines: 0, signal: abort.signal, onBegin }),
    { objectMode: false },
  );
  const exitCode = new Promise<number>((resolve, reject) => {
    stdout.once('error', reject);
    stdout.once('close', () => resolve(0));
  });
  exitCode.catch(() => undefined);
  // A container that has ended reads no more: what is still sent is for nobody.
  stdin?.on('error', () => undefined);
  const nobody = new Writable({ write: (_chunk, _encoding, done) => done() });
  const kill = (): void => {
    stdin?.destroy();
    abort.abort();
  };
  return { stdin: stdin === undefined ? nobody : given, stdout, stderr: Readable.from([]), exitCode, kill };
}
