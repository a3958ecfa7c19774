import type { Readable } from 'node:stream';
import { BodyTooLargeError, PeerGoneError } from './exchange.ts';

/**
 * Reads a request body to its end. More than `limitBytes` rejects at once with BodyTooLargeError; what still comes is
 * thrown away as it comes, so that the connection can go on, and never kept.
 */
export function readWholeBody(source: Readable, limitBytes: number, announced: string | undefined): Promise<Buffer> {
  if (announced !== undefined && Number(announced) > limitBytes) {
    source.resume();
    return Promise.reject(new BodyTooLargeError());
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let total = 0;
    const onData = (chunk: Buffer): void => {
      total += chunk.length;
      if (total <= limitBytes) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      settle();
      source.resume();
      reject(new BodyTooLargeError());
    };
    const onEnd = (): void => {
      settle();
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, total));
    };
    // Whatever ends a request early, `close` comes after it.
    const onClose = (): void => reject(new PeerGoneError());
    const settle = (): void => {
      source.off('data', onData);
      source.off('end', onEnd);
      source.off('close', onClose);
    };
    source.on('data', onData);
    source.on('end', onEnd);
    source.on('close', onClose);
  });
}
