import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';

const maxErrorBytes = 1000;

/** A connection that a command carries through its standard input and output. What it says on failing is the error. */
export function dialThrough([program, ...args]: readonly [string, ...string[]]): Duplex {
  const child = spawn(program, args, { cwd: '/', env: {}, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  const duplex = new Duplex({
    allowHalfOpen: true,
    read: () => child.stdout.resume(),
    write: (chunk: Buffer, _encoding, done) => child.stdin.write(chunk, done),
    final: (done) => child.stdin.end(done),
    destroy: (error, done) => {
      child.kill('SIGKILL');
      done(error);
    },
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < maxErrorBytes) said += text;
  });
  // Whoever listens at the other end may go at any time; how that ends is told by the exit.
  child.stdin.on('error', () => undefined);
  child.stdout.on('data', (chunk: Buffer) => {
    if (!duplex.push(chunk)) child.stdout.pause();
  });
  child.on('error', (error) => duplex.destroy(error));
  child.on('close', (code) => {
    if (code === 0) duplex.push(null);
    else duplex.destroy(new Error(said === '' ? 'the connection broke' : said.trim()));
  });
  return duplex;
}
