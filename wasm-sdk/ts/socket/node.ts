import type { WebSocketClass } from '../types.js';

/** The runtime's own class; Node.js has one from version 22 on. */
export const webSocket = async (): Promise<WebSocketClass> => globalThis.WebSocket ?? (await fromPackage());

async function fromPackage(): Promise<WebSocketClass> {
  const { WebSocket } = await import('ws');
  class Uncompressed extends WebSocket {
    constructor(url: string, protocols?: string | string[]) {
      super(url, protocols, { perMessageDeflate: false });
    }
  }
  return Uncompressed as unknown as WebSocketClass;
}
