import type { DurableObjectStorageLike } from '../media/durable-object.js';

/** The part of a Durable Object's state that an edge node uses. */
export interface DurableObjectStateLike {
  /** Its storage, and its one alarm. */
  readonly storage: DurableObjectStorageLike & { setAlarm(at: number): Promise<void> };
  /** Takes a socket that outlives the object in memory. */
  acceptWebSocket(socket: ObjectSocket): void;
  /** All sockets that it has taken. */
  getWebSockets(): ObjectSocket[];
  /** What is answered without the object. */
  setWebSocketAutoResponse(pair: unknown): void;
  /** Lets nothing in until `work` is done. */
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>;
  /** Ends the object in memory. */
  abort(reason?: string): void;
}

/** A socket that outlives the object in memory. */
export interface ObjectSocket {
  /** Sends a message. */
  send(message: ArrayBuffer | string): void;
  /** Closes it. */
  close(code?: number, reason?: string): void;
  /** Keeps something beside it. */
  serializeAttachment(attachment: unknown): void;
  /** What is kept beside it. */
  deserializeAttachment(): unknown;
}

/** Two ends of a socket: one for the answer to who has dialled, and one for the object. */
export function socketPair(): readonly [client: unknown, server: ObjectSocket] {
  const { WebSocketPair } = globalThis as unknown as { WebSocketPair: new () => { 0: unknown; 1: ObjectSocket } };
  const pair = new WebSocketPair();
  return [pair[0], pair[1]];
}

/** Has the runtime answer `ping` with `pong` by itself, also while the object is not in memory. */
export function answerPings(ctx: DurableObjectStateLike, ping: string, pong: string): void {
  const { WebSocketRequestResponsePair: Pair } = globalThis as unknown as {
    WebSocketRequestResponsePair: new (request: string, response: string) => unknown;
  };
  ctx.setWebSocketAutoResponse(new Pair(ping, pong));
}
