import { readFile } from 'node:fs/promises';
import * as glue from '../henge_wasm.js';
import type { Runtime } from '../runtime.js';
import type { WebSocketClass } from '../types.js';

/** Node.js, and the runtimes that follow it. */
export const runtime: Runtime = {
  async load() {
    glue.initSync({ module: await readFile(new URL('../henge_wasm_bg.wasm', import.meta.url)) });
    return glue;
  },
  webSocket: async () => globalThis.WebSocket ?? (await fromPackage()),
};

/** Node.js has a WebSocket of its own from version 22 on. */
async function fromPackage(): Promise<WebSocketClass> {
  const { WebSocket } = await import('ws');
  class Uncompressed extends WebSocket {
    constructor(url: string, protocols?: string | string[]) {
      super(url, protocols, { perMessageDeflate: false });
    }
  }
  return Uncompressed as unknown as WebSocketClass;
}
