import type { WebSocketClass } from '../types.js';
import { soon } from './clock.js';
import type { Client } from './node.js';

/** A connection as its client sees it. */
export interface Line {
  send(message: Uint8Array): void;
  close(): void;
}

/** Connects `client` with the node at `url`, if there is a way. */
export type Dial = (url: string, client: Client) => Line | undefined;

/** A class that does what a store needs of a `WebSocket`, over `dial`. Of a socket that it has closed it hears nothing. */
export function socketClass(dial: Dial): WebSocketClass {
  class MemorySocket implements Client {
    readonly url: string;
    binaryType = 'arraybuffer';
    readyState: number = State.connecting;
    onopen: Handler = null;
    onmessage: Handler = null;
    onerror: Handler = null;
    onclose: Handler = null;
    #line: Line | undefined;

    constructor(url: string) {
      this.url = url;
      soon(() => this.#open());
    }

    send(data: ArrayBuffer): void {
      if (this.readyState === State.connecting) throw new Error('the socket is not open yet');
      this.#line?.send(new Uint8Array(data));
    }

    close(): void {
      this.readyState = State.closed;
      this.#line?.close();
      this.#line = undefined;
    }

    deliver(message: Uint8Array): void {
      soon(() => {
        if (this.readyState === State.open) this.onmessage?.({ type: 'message', data: message.buffer });
      });
    }

    lose(why: string): void {
      this.#line = undefined;
      soon(() => {
        if (this.readyState === State.closed) return;
        this.readyState = State.closed;
        this.onerror?.({ type: 'error', message: why });
        this.onclose?.({ type: 'close', code: CLOSED_ABNORMALLY, reason: '', wasClean: false });
      });
    }

    #open(): void {
      if (this.readyState !== State.connecting) return;
      this.#line = dial(this.url, this);
      if (!this.#line) return this.lose(`nobody can be reached at ${this.url}`);
      this.readyState = State.open;
      this.onopen?.({ type: 'open' });
    }
  }
  return MemorySocket as unknown as WebSocketClass;
}

type Handler = ((event: object) => void) | null;

const State = { connecting: 0, open: 1, closed: 3 } as const;
const CLOSED_ABNORMALLY = 1006;
