import { writeFileSync } from 'node:fs';
import { resources, type CertificateSigningRequest, type Draft } from '../api/index.ts';
import { buildKubeconfig, createHttpClient, type Client, type ClusterAccess } from '../client/index.ts';
import { makeClientRequest, parseDuration, StartError, systemClock, systemRandom } from '../engine/index.ts';
import { parseOptions, UsageError, type Command } from './command.ts';
import { engineAccess } from './engine-access.ts';
import { until } from './watch-until.ts';

export const user: Command = {
  summary: 'make users: `rondo user create NAME --group G`',
  help: `Usage: rondo user create NAME [--group G]... [--duration D] [--out FILE] [--data-dir DIR | --kubeconfig FILE]

Makes a key and a certificate for a user of these groups, and writes a kubeconfig with both. The certificate is asked for,
approved and issued as a CertificateSigningRequest; the key never leaves this process. What the user may do is said by
RoleBindings: \`kubectl create rolebinding --clusterrole edit --user NAME\`. A certificate cannot be taken back before it ends.

  --group G          a group that the user is in; may be given several times
  --duration D       how long it is valid: 10m at least (default: a year)
  --out FILE         where to write the kubeconfig, for its owner only (default: standard output)
  --data-dir DIR     the engine's data directory (default: $XDG_DATA_HOME/rondo or ~/.local/share/rondo)
  --kubeconfig FILE  how to reach the engine, instead of the data directory's kubeconfig

Exit codes: 0 made, 1 it could not be made, 2 wrong usage.
`,
  run: async (args, terminal) => {
    const { values, positionals } = parseOptions(args, {
      group: { type: 'string', multiple: true, default: [] },
      duration: { type: 'string' },
      out: { type: 'string' },
      'data-dir': { type: 'string' },
      kubeconfig: { type: 'string' },
    });
    const [action, name, ...more] = positionals;
    if (action !== 'create' || name === undefined) throw new UsageError('say whom: `rondo user create NAME`');
    if (name === '' || values.group.includes('')) throw new UsageError('names of users and groups must not be empty');
    if (more.length > 0) throw new UsageError(`unexpected argument "${more[0]}"`);
    const seconds = secondsOf(values.duration);
    const access = engineAccess(values, terminal.env, { directory: 'rondo', hint: 'rondo up' });
    const { key, request } = await makeClientRequest(name, values.group);
    const certificate = await certificateFor(access, { name, request, seconds });
    const { server, ca = '' } = access;
    const text = buildKubeconfig({ server, ca, clientCert: certificate, clientKey: key, name: 'rondo', user: name });
    if (values.out === undefined) terminal.out(text);
    else writeFileSync(values.out, text, { mode: 0o600, flag: 'wx' });
    return 0;
  },
};

function secondsOf(duration: string | undefined): number | undefined {
  if (duration === undefined) return undefined;
  const ms = parseDuration(duration);
  if (ms === undefined || ms < 600_000) throw new UsageError(`--duration ${duration}: must be 10m or longer`);
  return Math.floor(ms / 1000);
}

interface Wish {
  readonly name: string;
  readonly request: string;
  readonly seconds: number | undefined;
}

/** Asks for it, approves that, waits until it is there, and leaves nothing behind. @throws StartError */
async function certificateFor(access: ClusterAccess, wish: Wish): Promise<string> {
  const { server, ca, clientCert, clientKey, token } = access;
  const connection = { server, ca, clientCert, clientKey, token };
  const client = createHttpClient({ ...connection, clock: systemClock, random: systemRandom });
  try {
    return await issued(client, wish);
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError((error as Error).message, { cause: error });
  }
}

async function issued(client: Client, { name, request, seconds }: Wish): Promise<string> {
  const resource = resources.certificateSigningRequests;
  const draft: Draft<CertificateSigningRequest> = {
    metadata: { generateName: 'rondo-user-' },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
      ...(seconds !== undefined && { expirationSeconds: seconds }),
    },
  };
  const created = await client.create(resource, draft);
  const ref = { namespace: undefined, name: created.metadata.name };
  try {
    const message = `This CSR was approved by rondo user create for ${name}.`;
    const condition = { type: 'Approved', status: 'True', reason: 'RondoUserCreate', message };
    const body = { status: { conditions: [condition] } };
    await client.patch(resource, ref, { type: 'merge', body }, { subresource: 'approval' });
    const fieldSelector = `metadata.name=${ref.name}`;
    const { status } = await until(client, resource, { fieldSelector, condition: isOver });
    const failure = status?.conditions?.find(({ type }) => type !== 'Approved');
    if (failure !== undefined) throw new StartError(`no certificate was issued: ${failure.message ?? failure.type}`);
    return Buffer.from(status?.certificate ?? '', 'base64').toString();
  } finally {
    await client.delete(resource, ref);
  }
}

function isOver({ status }: CertificateSigningRequest): boolean {
  return (status?.certificate ?? '') !== '' || status?.conditions?.some(({ type }) => type !== 'Approved') === true;
}
