import { shellQuote } from '../../wrapped/index.ts';
import type { NetworkCommands, PortOrder, SwitchOrder } from './network-commands.ts';

type Tool = (name: string) => string;

/** Networks made with ip(8) and programs of util-linux: what shim/network.c does, with a shell that stays in its place. */
export function ipNetwork(tool: Tool): NetworkCommands {
  const own = `${tool('unshare')} -n `;
  return {
    makeSwitch: (order) => script(own, switchLines(order, tool)),
    hold: (order) => {
      const { claim, life, address } = order;
      const needed = `[ -s ${shellQuote(`${claim}.pod`)} ]`;
      return script(own, [
        failing(address),
        ...claimed(claim),
        ...plugLines(order, '$$', tool),
        `echo made ${address}`,
        ...stayLines({ claim, life, needed, last: ':' }),
      ]);
    },
    plug: (order) => {
      const { address, holderPid } = order;
      return script('', [failing(address), ...plugLines(order, String(holderPid), tool), `echo plugged ${address}`]);
    },
    dial: (pid, port) =>
      [...[tool('nsenter'), `--net=/proc/${pid}/ns/net`, '--'], ...[process.execPath, '-e', dialer, String(port)]] as [
        string,
        ...string[],
      ],
  };
}

function script(namespace: string, lines: readonly string[]): string {
  return `${namespace}/bin/sh -c ${shellQuote(lines.join('\n'))}`;
}

function inside(pid: number | string, tool: Tool): string {
  return `${tool('nsenter')} --net=/proc/${pid}/ns/net ${tool('ip')}`;
}

/** Ends the script with a line for the engine. */
function failing(address: string): string {
  return `fail() { printf 'failed ${address} %s\\n' "$*"; exit 1; }`;
}

function claimed(claim: string): string[] {
  return [
    'read -r self </proc/self/stat; set -C',
    `printf '0 %s\\n' "$self" >${shellQuote(claim)} || fail 'failed: the place is taken'`,
    'set +C',
  ];
}

/** Several commands of ip(8) in one process; `otherwise` sees what it said as $said. */
function batch(ip: string, lines: readonly string[], otherwise: string): string[] {
  return [`said=$(${ip} -batch - 2>&1 <<END`, ...lines, 'END', `) || ${otherwise}`];
}

function plugLines(port: PortOrder, pid: string, tool: Tool): string[] {
  const { address, prefix, gateway, mtu, switchPid } = port;
  const hardware = `02:52:${hexOf(address).match(/../g)!.join(':')}`;
  const outer = [
    `link add name p$$ mtu ${mtu} type veth peer name eth0 address ${hardware} mtu ${mtu} netns ${pid}`,
    'link set p$$ master pods up',
  ];
  const inner = [
    'link set lo up',
    'link set eth0 up',
    `addr add ${address}/${prefix} brd + dev eth0`,
    `route add default via ${gateway} dev eth0 proto static`,
  ];
  return [
    ...batch(inside(switchPid, tool), outer, 'fail "the interface cannot be made: $said"'),
    `${inside(pid, tool)} link set eth0 addrgenmode none 2>/dev/null`,
    ...batch(inside(pid, tool), inner, 'fail "the interface cannot be set up: $said"'),
  ];
}

function switchLines({ claim, life, name, address, prefix, mtu, alias }: SwitchOrder, tool: Tool): string[] {
  const ip = tool('ip');
  const host = inside('$PPID', tool);
  const directory = claim.replace(/[^/]*$/, '');
  const settings = [`link set ${name} alias "${alias}" up`, `addr add ${address}/${prefix} brd + dev ${name}`];
  return [
    `fail() { rm -f ${shellQuote(claim)}; printf 'switch %s\\n' "$*"; exit 1; }`,
    ...claimed(claim),
    ...batch(ip, ['link add name pods type bridge mcast_snooping 0', 'link set pods up'], 'fail "failed: $said"'),
    ...batch(
      ip,
      [
        `link add name host mtu ${mtu} type veth peer name ${name} mtu ${mtu} netns $PPID`,
        'link set host master pods up',
      ],
      'case $said in *exists*) fail taken ;; *) fail "failed: $said" ;; esac',
    ),
    `${host} link set ${name} addrgenmode none 2>/dev/null`,
    ...batch(host, settings, 'fail "failed: $said"'),
    'echo switch up',
    ...stayLines({
      ...{ claim, life, last: `${ip} link del host` },
      needed: `for pod in ${shellQuote(directory)}*.pod; do [ -s "$pod" ] && exit; done; exit 1`,
    }),
  ];
}

/** As `stay` in shim/network.c. A shell reads without waiting for a byte only once: then the engine has gone. */
function stayLines(stay: {
  readonly claim: string;
  readonly life: string;
  readonly needed: string;
  readonly last: string;
}): string[] {
  return [
    'exec >/dev/null 2>&1',
    `end() { ${stay.last}; rm -f ${shellQuote(stay.claim)}; exit; }`,
    'trap end TERM',
    `while :; do read -r line <${shellQuote(stay.life)}; ( ${stay.needed} ) || end; done`,
  ];
}

function hexOf(address: string): string {
  return address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('');
}

/** Without the shim nothing smaller is sure to be there; carries both directions until they end. */
const dialer = `const { connect } = require('node:net');
const port = Number(process.argv[1]);
const fail = (error) => {
  process.stderr.write(error.code === 'ECONNREFUSED' ? 'connect: connection refused' : error.message);
  process.exit(1);
};
const begin = (host, otherwise) => {
  const socket = connect({ host, port, allowHalfOpen: true });
  socket.once('error', otherwise);
  socket.once('connect', () => {
    socket.off('error', otherwise);
    socket.on('error', () => process.exit(1));
    process.stdin.pipe(socket);
    socket.pipe(process.stdout);
    socket.on('end', () => process.stdout.write('', () => process.exit(0)));
  });
};
begin('127.0.0.1', (error) => begin('::1', () => fail(error)));`;
