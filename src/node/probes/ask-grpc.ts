import { connect } from 'node:http2';
import type { GRPCAction } from '../../api/index.ts';
import { portNumber, type Answer, type AskTarget } from './ask-target.ts';
import { connectProblem } from './ask-tcp.ts';

const serving = 1;
const statusNames = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/**
 * The gRPC health check (`grpc.health.v1.Health/Check`) over cleartext HTTP/2. Its two messages have one field each, so
 * they are written and read here rather than by a gRPC library.
 */
export function askGrpc(action: GRPCAction, target: AskTarget, signal: AbortSignal): Promise<Answer> {
  const authority = `${target.address}:${portNumber(action.port, target.container)}`;
  return new Promise((resolve, reject) => {
    const session = connect(`http://${authority}`);
    const settle = (call: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      session.destroy();
      call();
    };
    const fail = (text: string): void => settle(() => reject(new Error(text)));
    const onAbort = (): void => fail(`timeout: health rpc did not complete within the probe's time`);
    signal.addEventListener('abort', onAbort, { once: true });
    session.on('error', (error) => fail(`timeout: failed to connect service "${authority}": ${connectProblem(error)}`));
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      'user-agent': 'kube-probe/1.35',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    let grpcStatus = '';
    stream.on('response', (headers) => (grpcStatus = String(headers['grpc-status'] ?? '')));
    stream.on('trailers', (headers) => (grpcStatus = String(headers['grpc-status'] ?? '')));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', (error) => fail(problemOf(error, authority)));
    stream.once('end', () => settle(() => resolve(answerOf(grpcStatus, Buffer.concat(chunks)))));
    stream.end(frame(checkRequest(action.service ?? '')));
  });
}

/** A connection that fails cancels its streams, which then say so first. */
function problemOf(error: Error, authority: string): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  return (cause as NodeJS.ErrnoException).syscall === 'connect'
    ? `timeout: failed to connect service "${authority}": ${connectProblem(cause)}`
    : `error: health rpc failed: ${connectProblem(cause)}`;
}

/** `HealthCheckRequest{service}`: field 1, a string. */
function checkRequest(service: string): Buffer {
  const text = Buffer.from(service, 'utf8');
  if (text.length === 0) return text;
  const length: number[] = [];
  for (let rest = text.length; ; rest >>>= 7) {
    length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) break;
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), text]);
}

/** gRPC's length-prefixed message, uncompressed. */
function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function answerOf(grpcStatus: string, body: Buffer): Answer {
  if (grpcStatus !== '0') {
    const unimplemented = grpcStatus === '12';
    const output = unimplemented
      ? 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health)'
      : `error: health rpc failed with gRPC status ${grpcStatus === '' ? 'missing' : grpcStatus}`;
    return { result: 'failure', output };
  }
  // `HealthCheckResponse{status}`: field 1, an enum; absent means 0.
  const message = body.subarray(5);
  const status = message[0] === 0x08 ? (message[1] ?? 0) : 0;
  if (status === serving) return { result: 'success', output: 'service healthy' };
  return { result: 'failure', output: `service unhealthy (responded with "${statusNames[status] ?? status}")` };
}
