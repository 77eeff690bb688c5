import { type Client, MemoryNode, type Surroundings } from './node.js';
import type { ClusterSettings } from './settings.js';
import type { Line } from './socket.js';

/** An end of a link: a node by its number, or all clients. */
export type End = number | 'clients';

/** The nodes and the links between them. A link that is cut is down at both ends at once, as one whose plug was pulled. */
export class Network implements Surroundings {
  readonly nodes: readonly MemoryNode[];
  #cuts = new Set<string>();
  /** Pairs of nodes whose first can send to the second. */
  #ups = new Set<string>();

  constructor(settings: ClusterSettings) {
    this.nodes = settings.members.map((member) => new MemoryNode(member, settings, this));
  }

  /** Where clients find each node. */
  get urls(): string[] {
    return this.nodes.map(({ member }) => `http://${member.name}.test`);
  }

  /** Connects a client with the node at `url`, if there is a way. */
  dial(url: string, client: Client): Line | undefined {
    const { host } = new URL(url);
    const number = this.nodes.findIndex(({ member }) => host === `${member.name}.test`);
    const node = this.nodes[number];
    if (!node?.isReady || this.#cuts.has(link(number, 'clients'))) return undefined;
    const connection = node.connect(client);
    return {
      send: (message) => node.takeMessage(connection, message),
      close: () => node.disconnect(connection),
    };
  }

  /** Cuts a link. */
  cut(node: number, from: End): void {
    this.#cuts.add(link(node, from));
    if (from === 'clients') this.nodes[node]?.loseClients('the connection was cut');
    this.refresh();
  }

  /** Makes all links whole again. */
  heal(): void {
    this.#cuts.clear();
    this.refresh();
  }

  /** Tells every node which others it can reach, where that has changed. */
  refresh(): void {
    for (const [from, node] of this.nodes.entries()) {
      for (const [to, peer] of this.nodes.entries()) {
        const isUp = from !== to && node.isReady && peer.isReady && !this.#cuts.has(link(from, to));
        const way = `${node.member.id} ${peer.member.id}`;
        if (isUp === this.#ups.has(way)) continue;
        if (isUp) this.#ups.add(way);
        else this.#ups.delete(way);
        node.peerIs(peer.member.id, isUp);
      }
    }
  }

  send(from: bigint, to: bigint, frame: Uint8Array): void {
    if (!this.#ups.has(`${from} ${to}`)) return;
    this.nodes.find(({ member }) => member.id === to)?.takePeerFrame(from, frame);
  }
}

/** A link has one name, whichever end is named first. */
const link = (a: number, b: End): string => (b === 'clients' ? `${a} clients` : `${Math.min(a, b)} ${Math.max(a, b)}`);
