// Runs the commands of tests/fixtures/protobuf/commands.json with the real kubectl against a server that only records, and
// writes the protobuf bodies that kubectl sent, each beside the JSON that kubectl says it stands for (`--dry-run=client`).
// `KUBECTL=/path/to/kubectl npx tsx tools/record-protobuf.ts`; kubectl must be 1.32 or newer (older ones send JSON).
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';

interface Command {
  name: string;
  args: string[];
  /** What the recording server has: path to object. */
  objects?: Record<string, unknown>;
  /** For commands that cannot print what they send. */
  expected?: unknown;
}

const run = promisify(execFile);
const kubectl = process.env['KUBECTL'] ?? 'kubectl';
const folder = new URL('../tests/fixtures/protobuf/', import.meta.url);
const commands = JSON.parse(readFileSync(new URL('commands.json', folder), 'utf8')) as Command[];

const kinds: Record<string, readonly [resource: string, kind: string][]> = {
  v1: [
    ['namespaces', 'Namespace'],
    ['nodes', 'Node'],
    ['pods', 'Pod'],
    ['configmaps', 'ConfigMap'],
    ['secrets', 'Secret'],
    ['serviceaccounts', 'ServiceAccount'],
    ['services', 'Service'],
  ],
  'batch/v1': [
    ['jobs', 'Job'],
    ['cronjobs', 'CronJob'],
  ],
};

const discovery: Record<string, unknown> = {
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: [{ name: 'batch', versions: [{ groupVersion: 'batch/v1', version: 'v1' }] }],
  },
  ...Object.fromEntries(
    Object.entries(kinds).map(([groupVersion, resources]) => [
      `/${groupVersion.includes('/') ? 'apis' : 'api'}/${groupVersion}`,
      {
        kind: 'APIResourceList',
        apiVersion: 'v1',
        groupVersion,
        resources: resources.map(([name, kind]) => ({
          name,
          kind,
          singularName: kind.toLowerCase(),
          namespaced: !['namespaces', 'nodes'].includes(name),
          verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
        })),
      },
    ]),
  ),
};

const notFound = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 };
const gone = { kind: 'Status', apiVersion: 'v1', status: 'Success' };

let objects: Record<string, unknown> = {};
let sent: { body: Buffer; path: string }[] = [];

async function answer(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const path = new URL(request.url!, 'http://localhost').pathname;
  const body = Buffer.concat(chunks);
  if (request.headers['content-type'] === 'application/vnd.kubernetes.protobuf') sent.push({ body, path });
  if (request.method === 'DELETE') {
    objects = Object.fromEntries(Object.entries(objects).filter(([key]) => key !== path));
    return gone;
  }
  if (request.method === 'POST') return created(path);
  return discovery[path] ?? objects[path] ?? notFound;
}

/** kubectl only prints kind and name of what it gets back. */
function created(path: string): unknown {
  const [apiVersion, kind] = typeOf(path);
  return { apiVersion, kind, metadata: { name: 'recorded' } };
}

function typeOf(path: string): [apiVersion: string, kind: string] {
  for (const [apiVersion, resources] of Object.entries(kinds))
    for (const [resource, kind] of resources) if (path.endsWith(`/${resource}`)) return [apiVersion, kind];
  return ['v1', 'Status'];
}

const server = createServer((request, response) => {
  void answer(request).then((value) => {
    response.writeHead(value === notFound ? 404 : request.method === 'POST' ? 201 : 200, {
      'Content-Type': 'application/json',
    });
    response.end(JSON.stringify(value));
  });
});

async function record(command: Command, address: string): Promise<unknown> {
  objects = command.objects ?? {};
  sent = [];
  const flags = ['--server', address, '--kubeconfig', '/dev/null', '--cache-dir', '/dev/null', '-n', 'default'];
  const folderFlag = { cwd: folder };
  await run(kubectl, [...flags, ...command.args], folderFlag);
  const [first] = sent;
  if (first === undefined) throw new Error(`${command.name}: kubectl sent no protobuf`);
  let { expected } = command;
  if (expected === undefined) {
    const [separator = command.args.length] = [command.args.indexOf('--')].filter((at) => at >= 0);
    const args = command.args.toSpliced(separator, 0, '--dry-run=client', '-o', 'json');
    expected = JSON.parse((await run(kubectl, [...flags, ...args], folderFlag)).stdout);
  }
  return { name: command.name, path: first.path, body: first.body.toString('base64'), expected };
}

server.listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const recorded: unknown[] = [];
for (const command of commands) recorded.push(await record(command, address));
server.close();
writeFileSync(new URL('recorded.json', folder), `${JSON.stringify(recorded, null, 1)}\n`);
console.log(`${recorded.length} bodies recorded`);
