import type { Pod } from '../../api/index.ts';
import type { Timer } from '../../clock/index.ts';
import type { HeldImage } from '../image-service.ts';
import type { ContainerState } from '../runtime.ts';

/** One simulated container. */
export interface SimulatedContainer {
  state: ContainerState;
  readonly pod: Pod;
  readonly image: HeldImage | undefined;
  readonly ignoresTerm: boolean;
  /** How often it was asked, by kind of probe. */
  readonly asked: Map<string, number>;
  readonly message: string;
  readonly log: Uint8Array;
  /** Its end by itself, or the KILL after a grace period. */
  timer: Timer | undefined;
  /** Called when it has ended: readers that follow its log. */
  readonly whenEnded: (() => void)[];
}

/** What stays when the engine goes: give the same machine to the next runtime to simulate a restart of the engine. */
export interface SimulatedMachine {
  /** By containerIdKey. */
  readonly containers: Map<string, SimulatedContainer>;
  /** Keys of the containers of each Pod, by Pod uid. */
  readonly pods: Map<string, Set<string>>;
  /** How often each piece of work was started, where a script asks for it. */
  readonly starts: Map<string, number>;
  /** The runtime that sees exits now. */
  onExit: ((state: ContainerState & { type: 'exited' }) => void) | undefined;
}

export function createSimulatedMachine(): SimulatedMachine {
  return { containers: new Map(), pods: new Map(), starts: new Map(), onExit: undefined };
}
