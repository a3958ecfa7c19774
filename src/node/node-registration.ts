import { isAlreadyExists, isConflict, isNotFound, resources, type Lease, type Node } from '../api/index.ts';
import type { Timer } from '../clock/index.ts';
import type { ControllerContext } from '../controlloop/index.ts';
import type { Runtime } from '../runtimes/index.ts';
import { leaseObject, leaseRenewMs, nodeObject, nodeStatus } from './node-object.ts';

const statusEveryMs = 5 * 60_000;

interface NodeRegistrationOptions {
  readonly nodeName: string;
  readonly runtime: Runtime;
  readonly heartbeatMs: number | undefined;
}

/** Keeps the Node object and its lease true while the agent runs. */
export class NodeRegistration {
  readonly #context: ControllerContext;
  readonly #name: string;
  readonly #runtime: Runtime;
  readonly #heartbeatMs: number;
  #timer: Timer | undefined;
  #stopped = false;
  #lease: Lease | undefined;
  #statusDueMs = 0;

  constructor(context: ControllerContext, options: NodeRegistrationOptions) {
    this.#context = context;
    this.#name = options.nodeName;
    this.#runtime = options.runtime;
    this.#heartbeatMs = options.heartbeatMs ?? leaseRenewMs;
  }

  /** Resolves when the Node is registered and Ready. */
  async start(): Promise<void> {
    await this.#beat();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #beat(): Promise<void> {
    try {
      const nowMs = this.#context.clock.now();
      const node = await this.#ensureNode(nowMs);
      await this.#renewLease(node, nowMs);
    } catch (error) {
      this.#context.log.warn('node heartbeat failed', { node: this.#name, error });
    }
    if (this.#stopped) return;
    this.#timer = this.#context.clock.after(this.#heartbeatMs, () => void this.#beat());
  }

  async #ensureNode(nowMs: number): Promise<Node> {
    const { client, clock } = this.#context;
    const ref = { name: this.#name };
    let node: Node;
    try {
      node = await client.get(resources.nodes, ref);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      node = await client.create(resources.nodes, nodeObject(this.#name, this.#runtime, nowMs));
      // It may have been deleted while its status was not due: without one, nothing is scheduled to it.
      this.#statusDueMs = 0;
    }
    if (clock.monotonic() < this.#statusDueMs) return node;
    const status = nodeStatus(this.#runtime, node.status.conditions ?? [], nowMs);
    node = await client.updateStatus(resources.nodes, { ...node, status });
    this.#statusDueMs = clock.monotonic() + statusEveryMs;
    return node;
  }

  async #renewLease(node: Node, nowMs: number): Promise<void> {
    const { client } = this.#context;
    const draft = leaseObject(node, nowMs);
    try {
      this.#lease ??= await client.get(resources.leases, { namespace: 'kube-node-lease', name: this.#name });
      this.#lease = await client.update(resources.leases, { ...this.#lease, spec: draft.spec });
    } catch (error) {
      this.#lease = undefined;
      if (isNotFound(error)) await client.create(resources.leases, draft);
      else if (!isConflict(error) && !isAlreadyExists(error)) throw error;
    }
  }
}
