/**
 * A cluster of real nodes in this process, for the tests of applications: the core that servers run, in memory, without
 * ports, files or programs.
 *
 * @packageDocumentation
 * @example
 * import { connect } from 'henge';
 * import { cluster } from 'henge/testing';
 *
 * await using ring = await cluster({ nodes: 3 });
 * await using store = await connect(ring.urls, { WebSocket: ring.WebSocket });
 * await store.put('greeting', 'hello');
 * await ring.stop(0);
 * console.log(await store.get('greeting')); // 'hello'
 */
import { describe } from '../codec.js';
import type { WebSocketClass } from '../types.js';
import { now, pause, turn } from './clock.js';
import { guestModule } from './guest-module.js';
import { type End, Network } from './network.js';
import type { MemoryNode } from './node.js';
import { type ClusterOptions, type Wanted, wanted } from './options.js';
import { socketClass } from './socket.js';

/** A cluster in memory; made by {@link cluster}. Its nodes are numbered from 0. */
export interface Cluster extends AsyncDisposable {
  /** Where each node is: for `connect()` and `open()`, with {@link Cluster.WebSocket}. */
  readonly urls: readonly string[];
  /** The class of the sockets that lead to this cluster, and nowhere else. */
  readonly WebSocket: WebSocketClass;
  /**
   * Stops a node as a power cut does: what it had not synced is gone, connections to it break. Resolves when all know
   * that were connected with it.
   */
  stop(node: number): Promise<void>;
  /** Starts a node again, with the files that it had; resolves when it serves and is connected with the others. */
  start(node: number): Promise<void>;
  /**
   * Cuts a node off from another one, from all clients, or from everybody if `from` is not given. Connections over the
   * cut break and cannot be made again. Resolves when both ends know.
   */
  cut(node: number, from?: number | 'clients'): Promise<void>;
  /** Mends all cuts; resolves when the nodes are connected again. Clients dial again by themselves. */
  heal(): Promise<void>;
  /** Stops all nodes for good. Nothing of the cluster keeps the process alive after that. */
  close(): Promise<void>;
}

/** Starts a cluster; resolves when all of its nodes serve. */
export async function cluster(options: ClusterOptions = {}): Promise<Cluster> {
  const made = new MemoryCluster(wanted(options));
  try {
    await made.open();
  } catch (error) {
    await made.close();
    throw error;
  }
  return made;
}

class MemoryCluster implements Cluster {
  readonly urls: readonly string[];
  readonly WebSocket: WebSocketClass;
  #buckets: Wanted['buckets'];
  #network: Network;
  #isClosed = false;

  constructor({ settings, buckets }: Wanted) {
    this.#buckets = buckets;
    this.#network = new Network(settings);
    this.urls = this.#network.urls;
    this.WebSocket = socketClass((url, client) => this.#network.dial(url, client));
  }

  /** Starts all nodes, and has them agree on the buckets. */
  async open(): Promise<void> {
    await Promise.all(this.#network.nodes.map((_, node) => this.start(node)));
    const { nodes } = this.#network;
    const end = now() + 1_000n * BigInt(AGREE_MS_MAX);
    while (!nodes.every(({ buckets }) => buckets.length === this.#buckets.length)) {
      if (now() > end) throw new Error(`the nodes have not agreed on the buckets within ${AGREE_MS_MAX} ms; please report this`);
      for (const [name, settings] of this.#buckets) nodes[0]?.wish(name, settings);
      await pause(WISH_EVERY_MS);
    }
  }

  async stop(node: number): Promise<void> {
    this.#node('stop()', node).stop();
    await turn();
  }

  async start(node: number): Promise<void> {
    const started = this.#node('start()', node);
    const module = await guestModule();
    if (this.#isClosed) throw new Error('this cluster is closed; make another one');
    await started.start(module);
    await turn();
  }

  async cut(node: number, from?: End): Promise<void> {
    this.#node('cut()', node);
    if (from !== undefined && from !== 'clients') this.#node('cut()', from);
    if (from === node) throw new TypeError(`cut() takes two different nodes; node ${node} has no link to itself`);
    const others = this.#network.nodes.keys();
    const ends = from === undefined ? [...others, 'clients' as const] : [from];
    for (const end of ends) if (end !== node) this.#network.cut(node, end);
    await turn();
  }

  async heal(): Promise<void> {
    this.#network.heal();
    await turn();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const node of this.#network.nodes) node.stop();
    await turn();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #node(call: string, number: number): MemoryNode {
    const { nodes } = this.#network;
    const node = nodes[number];
    if (node) return node;
    throw new TypeError(`${call} takes the number of a node, from 0 to ${nodes.length - 1}, not ${describe(number)}`);
  }
}

/** How long nodes may take to agree on buckets: milliseconds are usual. */
const AGREE_MS_MAX = 10_000;
const WISH_EVERY_MS = 20;

export type { BucketOptions, ClusterOptions } from './options.js';
