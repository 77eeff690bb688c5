import * as glue from '../henge_wasm.js';
import type { Runtime } from '../runtime.js';

/** Browsers, and whatever else can fetch the module from beside this file. */
export const runtime: Runtime = {
  async load() {
    // Bundlers look for just this expression.
    await glue.default({ module_or_path: new URL('../henge_wasm_bg.wasm', import.meta.url) });
    return glue;
  },
  webSocket: async () => globalThis.WebSocket,
};
