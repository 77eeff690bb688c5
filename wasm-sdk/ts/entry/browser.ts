import { medium } from '../media/of-browser.js';
import type { Runtime } from '../runtime.js';
import { webSocket } from '../socket/global.js';

/** Browsers, and whatever else can fetch the module from beside this file. */
export const runtime: Runtime = {
  // Bundlers look for just this expression.
  wasm: async () => new URL('../henge_wasm_bg.wasm', import.meta.url),
  advice:
    "serve henge_wasm_bg.wasm beside henge's JavaScript as application/wasm, hand it in: connect(url, { wasm }), or import 'henge/inline'",
  webSocket,
  medium,
};
