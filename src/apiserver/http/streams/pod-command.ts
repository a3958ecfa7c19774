import { badRequest, containerStatusesOf, failure, type Pod } from '../../../api/index.ts';
import type { PodCommand } from '../../operations.ts';
import type { Call, Services } from '../call.ts';
import { chooseContainer } from '../pod-log-options.ts';
import { flagOf, textOf, type Query } from '../query.ts';
import { refOfTarget, type NamedTarget } from '../target.ts';
import { carryCommand, type RemoteChannels, type WantedStreams } from './remote-command.ts';
import { spdyChannels, spdyCommandProtocol } from './spdy-channels.ts';
import { UpgradeExchange } from './upgrade-exchange.ts';
import { webSocketChannels, webSocketCommandProtocols } from './websocket-channels.ts';

/** Runs a command in a container of a Pod and carries its streams (`pods/exec`). */
export function serveExec(call: Call, target: NamedTarget, services: Services): Promise<void> {
  const [command, terminal] = [wordsOf(call.query), flagOf(call.query, 'tty') ?? false];
  return serve(call, target, services, (pod, container) =>
    services.podStreams.exec(pod, { container, command, terminal }),
  );
}

/** Carries what a container writes from now on, and what it reads (`pods/attach`). */
export function serveAttach(call: Call, target: NamedTarget, services: Services): Promise<void> {
  const input = flagOf(call.query, 'stdin') ?? false;
  return serve(call, target, services, (pod, container) => {
    if (input) checkInput(pod, container);
    return services.podStreams.attach(pod, { container, input });
  });
}

/** Terminals are made for commands only. @throws ApiError 400 */
function checkInput({ spec }: Pod, name: string): void {
  const container = [...spec.containers, ...(spec.initContainers ?? [])].find((one) => one.name === name);
  if (container?.stdin !== true)
    throw badRequest(`container ${name} has no open input (stdin): leave out -i (--stdin)`);
  if (container.tty === true)
    throw badRequest(
      `container ${name} would need a terminal, which containers do not have here: use kubectl exec -it`,
    );
}

async function serve(
  call: Call,
  target: NamedTarget,
  services: Services,
  start: (pod: Pod, container: string) => PodCommand,
): Promise<void> {
  const request = { kind: target.kind, namespace: target.namespace, user: call.user };
  const pod = (await services.operations.get(request, refOfTarget(target))).object as Pod;
  const container = chooseContainer(pod, textOf(call.query, 'container'));
  const wanted = wantedOf(call.query);
  const open = upgradeOf(call, services);
  checkRunning(pod, container);
  call.code = 101;
  let channels: RemoteChannels;
  try {
    channels = await open(wanted);
  } catch (error) {
    // The answer to the upgrade is out: the client that broke off gets no other.
    services.log.debug('a remote command got no streams', { error });
    return;
  }
  const forget = services.streams.add(() => channels.destroy());
  try {
    await carryCommand(channels, () => start(pod, container));
  } finally {
    forget();
  }
}

function wantedOf(query: Query): WantedStreams {
  const flag = (name: string): boolean => flagOf(query, name) ?? false;
  const terminal = flag('tty');
  const wanted = { stdin: flag('stdin'), stdout: flag('stdout'), stderr: flag('stderr') && !terminal, terminal };
  if (wanted.stdin || wanted.stdout || wanted.stderr) return wanted;
  throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
}

function wordsOf({ command }: Query): readonly string[] {
  const words = command === undefined ? [] : [command].flat();
  if (words.length === 0 || words[0] === '') throw badRequest('command: Required value');
  if (words.some((word) => word.includes('\0')))
    throw badRequest('command: holds a NUL byte, which no process can get');
  return words;
}

/** How this client's connection goes on. @throws ApiError 400 if it wants nothing that is spoken here */
function upgradeOf({ exchange }: Call, { clock }: Services): (wanted: WantedStreams) => Promise<RemoteChannels> {
  if (!(exchange instanceof UpgradeExchange)) throw badRequest('Upgrade request required');
  const { upgrade, protocols } = exchange;
  if (upgrade === 'spdy/3.1' && protocols.includes(spdyCommandProtocol)) {
    return (wanted) => spdyChannels(exchange.acceptSpdy(spdyCommandProtocol), wanted, clock);
  }
  const known = webSocketCommandProtocols.find((protocol) => protocols.includes(protocol));
  if (upgrade === 'websocket' && known !== undefined) {
    return async (wanted) => webSocketChannels(await exchange.acceptWebSocket(known), wanted);
  }
  throw badRequest(
    `of the upgrades offered (${upgrade}: ${protocols.join(', ')}) none is known: ` +
      `there are WebSockets with ${webSocketCommandProtocols.join(' or ')}, and SPDY/3.1 with ${spdyCommandProtocol}`,
  );
}

function checkRunning(pod: Pod, container: string): void {
  const status = containerStatusesOf(pod).find(({ name }) => name === container);
  if (status?.state?.running != null) return;
  // As upstream: what goes wrong before the streams are there is an internal error of the upgrade.
  const message = `unable to upgrade connection: container not found ("${container}")`;
  throw failure({ code: 500, reason: 'InternalError', message });
}
