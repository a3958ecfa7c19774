import { Duplex, PassThrough } from 'node:stream';
import { upgrade } from './upgrade.ts';

const protocol = 'portforward.k8s.io';

/** A connection to a port of a Pod by way of the address that `open` gives. What is written early waits. */
export function forwardedPort(port: number, open: () => Promise<string>): Duplex {
  const [toPod, fromPod] = [new PassThrough(), new PassThrough()];
  const connection = Duplex.from({ writable: toPod, readable: fromPod });
  connect(port, open, { toPod, fromPod, connection }).catch((error: unknown) => connection.destroy(error as Error));
  return connection;
}

async function connect(
  port: number,
  open: () => Promise<string>,
  ends: { readonly toPod: PassThrough; readonly fromPod: PassThrough; readonly connection: Duplex },
): Promise<void> {
  const spdy = await upgrade(await open(), protocol);
  ends.connection.once('close', () => spdy.destroy());
  if (ends.connection.destroyed) return spdy.destroy();
  const headers = { port: String(port), requestid: '0' };
  const error = spdy.open({ streamtype: 'error', ...headers });
  const data = spdy.open({ streamtype: 'data', ...headers });
  error.end();
  let problem = '';
  error.on('data', (chunk: Buffer) => (problem += chunk.toString()));
  error.once('end', () => {
    if (problem !== '') ends.connection.destroy(new Error(problem));
  });
  data.once('close', () => ends.fromPod.end());
  ends.toPod.pipe(data).pipe(ends.fromPod);
}
