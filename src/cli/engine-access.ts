import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { dirname, join } from 'node:path';
import { loadKubeconfig, type ClusterAccess } from '../client/index.ts';
import { defaultDataPath, StartError } from '../engine/index.ts';
import { givenDataPath, UsageError } from './command.ts';

/** Where to look for an engine when nobody says, and how to start one. */
interface Defaults {
  /** Beside the usual data directory: `rondo`. */
  readonly directory: string;
  readonly hint: string;
}

/**
 * How to reach an engine: the kubeconfig that is given, the data directory's, the one $KUBECONFIG names, the default's.
 * @throws UsageError if there is none, or it cannot be read
 */
export function engineAccess(
  values: { readonly kubeconfig?: string | undefined; readonly 'data-dir'?: string | undefined },
  env: NodeJS.ProcessEnv,
  { directory, hint }: Defaults,
): ClusterAccess {
  const given = givenDataPath(values['data-dir']);
  const listed = env['KUBECONFIG']?.split(':').find((part) => part !== '');
  const usual = join(dirname(defaultDataPath(env)), directory, 'kubeconfig');
  const path = values.kubeconfig ?? (given === undefined ? undefined : join(given, 'kubeconfig')) ?? listed ?? usual;
  if (!existsSync(path)) throw new UsageError(`${path} does not exist: start \`${hint}\` first`);
  try {
    return loadKubeconfig(readFileSync(path, 'utf8'), { readFile: (file) => readFileSync(file, 'utf8') });
  } catch (error) {
    throw new UsageError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

export interface EngineRequest {
  readonly path: string;
  /** Default: GET. */
  readonly method?: string;
  readonly body?: object;
}

export interface EngineAnswer {
  readonly status: number;
  readonly text: string;
}

/** One request to one of Rondo's own paths. @throws StartError if the engine cannot be reached */
export async function askEngine(access: ClusterAccess, wanted: EngineRequest): Promise<EngineAnswer> {
  try {
    return await send(access, wanted);
  } catch (error) {
    throw new StartError(`${access.server} cannot be reached: ${(error as Error).message}`, { cause: error });
  }
}

/** The answer as JSON. @throws UsageError for what the engine says was asked wrongly, StartError for all else */
export function readAnswer<T>(answer: EngineAnswer): T {
  if (answer.status === 200) return JSON.parse(answer.text) as T;
  const { message } = JSON.parse(answer.text) as { readonly message: string };
  throw answer.status === 400 ? new UsageError(message) : new StartError(message);
}

function send(access: ClusterAccess, { path, method = 'GET', body }: EngineRequest): Promise<EngineAnswer> {
  const { ca, clientCert: cert, clientKey: key, token } = access;
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const options = { method, ca, cert, key, headers: { 'content-type': 'application/json', ...authorization } };
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, access.server), options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.once('error', reject);
    });
    sent.once('error', reject);
    sent.end(body === undefined ? '' : JSON.stringify(body));
  });
}
