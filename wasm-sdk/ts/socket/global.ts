import type { WebSocketClass } from '../types.js';

/** The runtime's own class. */
export const webSocket = async (): Promise<WebSocketClass | undefined> => globalThis.WebSocket;
