import * as glue from '../henge_wasm.js';
import module from '../henge_wasm_bg.wasm';
import type { Runtime } from '../runtime.js';

/** Cloudflare's workers: they compile modules when they are deployed, never later. */
export const runtime: Runtime = {
  async load() {
    glue.initSync({ module });
    return glue;
  },
  webSocket: async () => globalThis.WebSocket,
};
