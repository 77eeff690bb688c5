import type { DurableObjectStorageLike } from '../media/durable-object.js';

/** The part of a Durable Object's state that an edge node uses. */
export interface DurableObjectStateLike {
  readonly storage: DurableObjectStorageLike & { setAlarm(at: number): Promise<void> };
  acceptWebSocket(socket: ObjectSocket): void;
  getWebSockets(): ObjectSocket[];
  setWebSocketAutoResponse(pair: unknown): void;
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>;
  abort(reason?: string): void;
}

/** A socket that outlives the object in memory. */
export interface ObjectSocket {
  send(message: ArrayBuffer | string): void;
  close(code?: number, reason?: string): void;
  serializeAttachment(attachment: unknown): void;
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
