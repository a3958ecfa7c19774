/** The interface of the host, and the bridge behind it. */
export interface SwitchOrder {
  /** File that tells which process holds it. */
  readonly claim: string;
  /** FIFO that is open as long as an engine lives. */
  readonly life: string;
  readonly name: string;
  readonly address: string;
  readonly prefix: number;
  readonly mtu: number;
  /** Shown by ip(8), for whoever finds the interface. */
  readonly alias: string;
}

/** One Pod's port of the bridge. */
export interface PortOrder {
  readonly switchPid: number;
  readonly address: string;
  readonly prefix: number;
  readonly gateway: string;
  readonly mtu: number;
}

/**
 * Commands for the network shell, each without a line end. They go on as long as what they made is needed, and write one
 * line when it is ready: `switch up`, `switch taken`, `made ADDRESS`, `plugged ADDRESS`; or `switch failed WHY`,
 * `failed ADDRESS WHY`. Processes that hold something end when the life FIFO ends, unless a Pod needs them: see
 * shim/network.c.
 */
export interface NetworkCommands {
  makeSwitch(order: SwitchOrder): string;
  /** Makes a namespace. */
  hold(order: PortOrder & { readonly claim: string; readonly life: string }): string;
  /** Plugs a namespace that has lost its switch into another one. */
  plug(order: PortOrder & { readonly holderPid: number }): string;
  /** A command that carries its standard input and output to a port of 127.0.0.1 in the namespace of a process. */
  dial(pid: number, port: number): readonly [string, ...string[]];
}
