import { badRequest } from '../../api/index.ts';
import type { Extension } from '../extension.ts';
import { answerJson, maxBodyBytes } from './answer.ts';
import type { Call } from './call.ts';

/** The extension that serves a path, if any. */
export function extensionAt(extensions: readonly Extension[], path: string): Extension | undefined {
  return extensions.find((extension) => path === extension.path || path.startsWith(`${extension.path}/`));
}

/** Lets an extension answer a request that may be answered. */
export async function serveExtension(extension: Extension, call: Call): Promise<void> {
  const { exchange, path, query, user } = call;
  const { code, body } = await extension.serve({
    method: exchange.method,
    path,
    query,
    user,
    body: async () => parseJson(await exchange.readBody(maxBodyBytes)),
  });
  answerJson(call, code, `${JSON.stringify(body)}\n`);
}

function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch (error) {
    throw badRequest(`the body is not JSON: ${(error as Error).message}`);
  }
}
