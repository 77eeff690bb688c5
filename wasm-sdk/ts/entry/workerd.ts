import module from '../henge_wasm_bg.wasm';
import { medium } from '../media/of-browser.js';
import type { Runtime } from '../runtime.js';
import { webSocket } from '../socket/global.js';

/** Cloudflare's workers: they compile modules when they are deployed, never later. */
export const runtime: Runtime = {
  wasm: async () => module,
  advice: 'deploy with a bundler that keeps imports of .wasm files, as wrangler does',
  webSocket,
  medium,
};
