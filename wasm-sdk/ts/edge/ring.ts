import type { EdgeEngine } from './henge_edge.js';
import type { ObjectSocket } from './runtime.js';

/** What an edge node does with the sockets to its ring. */
export interface Ring {
  /** The engine wants this sent. */
  send(message: ArrayBuffer | string): void;
  /** The engine has given the socket up; who dials out dials again at this moment. */
  redial(atMs: number): void;
}

type Use = (work: (engine: EdgeEngine) => void) => void;

/** Stones that have dialled the object. One serves it; the others stand by. */
export class DialledRing implements Ring {
  #use: Use;
  #sockets: ObjectSocket[] = [];
  #isServed = false;

  constructor(use: Use) {
    this.#use = use;
  }

  send(message: ArrayBuffer | string): void {
    trySend(this.#sockets[0], message);
  }

  redial(): void {
    // The engine is what is calling.
    queueMicrotask(() => {
      if (this.#isServed) this.#sockets.shift()?.close(1011, 'the edge node has given this connection up');
      this.#isServed = false;
      this.#begin();
    });
  }

  /** A stone has dialled. */
  add(socket: ObjectSocket): void {
    this.#sockets.push(socket);
    if (!this.#isServed) this.#begin();
  }

  has(socket: ObjectSocket): boolean {
    return this.#sockets.includes(socket);
  }

  /** A stone has said something. */
  hear(socket: ObjectSocket, message: ArrayBuffer | string): void {
    if (socket !== this.#sockets[0]) return;
    let isGood = true;
    this.#use((engine) => {
      isGood = typeof message === 'string' ? engine.text(message) : engine.message(new Uint8Array(message));
    });
    if (isGood) return;
    socket.close(1002, 'what it has said is not understood');
    this.remove(socket);
  }

  /** The socket of a stone is closed. */
  remove(socket: ObjectSocket): void {
    const wasServing = this.#isServed && socket === this.#sockets[0];
    this.#sockets = this.#sockets.filter((it) => it !== socket);
    if (!wasServing) return;
    this.#isServed = false;
    this.#use((engine) => engine.disconnected());
  }

  #begin(): void {
    if (this.#sockets.length === 0) return;
    this.#isServed = true;
    this.#use((engine) => {
      engine.dialing();
      engine.connected();
    });
  }
}

/** Servers that the object dials itself. An object with such a socket stays in memory. */
export class DiallingRing implements Ring {
  #use: Use;
  #urls: readonly string[];
  #dials = 0;
  #socket: WebSocket | undefined;

  constructor(urls: readonly string[], use: Use) {
    this.#urls = urls;
    this.#use = use;
  }

  send(message: ArrayBuffer | string): void {
    trySend(this.#socket, message);
  }

  redial(atMs: number): void {
    this.#drop()?.close();
    setTimeout(() => this.dial(), Math.max(0, atMs - Date.now()));
  }

  /** Dials the next of the servers. */
  dial(): void {
    this.#use((engine) => engine.dialing());
    const socket = new WebSocket(this.#urls[this.#dials % this.#urls.length] as string, [PROTOCOL]);
    this.#dials += 1;
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    const on = (name: string, act: (event: MessageEvent<ArrayBuffer | string>) => void): void =>
      socket.addEventListener(name, (event) => {
        if (socket === this.#socket) act(event as MessageEvent<ArrayBuffer | string>);
      });
    on('open', () => this.#use((engine) => engine.connected()));
    on('message', ({ data }) => {
      let isGood = true;
      this.#use((engine) => {
        isGood = typeof data === 'string' ? engine.text(data) : engine.message(new Uint8Array(data));
      });
      if (!isGood) this.#lose();
    });
    on('close', () => this.#lose());
    on('error', () => this.#lose());
  }

  #lose(): void {
    this.#drop()?.close();
    this.#use((engine) => engine.disconnected());
  }

  #drop(): WebSocket | undefined {
    const socket = this.#socket;
    this.#socket = undefined;
    return socket;
  }
}

/** Sends, if the socket takes it: what it does not is lost with the connection, which is reported. */
export function trySend(socket: { send(message: ArrayBuffer | string): void } | undefined, message: ArrayBuffer | string): void {
  try {
    socket?.send(message);
  } catch {
    // It is closing.
  }
}

/** The subprotocol of all sockets. */
export const PROTOCOL = 'henge.v1';
