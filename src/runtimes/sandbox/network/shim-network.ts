import { shellQuote } from '../../wrapped/index.ts';
import type { NetworkCommands, PortOrder } from './network-commands.ts';

/** Networks made by the shim (shim/network.c), in one process each. */
export function shimNetwork(shim: string): NetworkCommands {
  const command = (...words: readonly (string | number)[]): string =>
    [shim, 'network', ...words].map((word) => shellQuote(String(word))).join(' ');
  const port = ({ switchPid, address, prefix, gateway, mtu }: PortOrder): readonly (string | number)[] => [
    switchPid,
    address,
    prefix,
    gateway,
    mtu,
  ];
  return {
    makeSwitch: ({ claim, life, name, address, prefix, mtu, alias }) =>
      command('switch', claim, life, name, address, prefix, mtu, alias),
    hold: (order) => command('hold', order.claim, order.life, ...port(order)),
    plug: (order) => command('plug', order.holderPid, ...port(order)),
    dial: (pid, number) => [shim, 'network', 'dial', String(pid), String(number)],
  };
}
