import { readFile } from 'node:fs/promises';
import { medium } from '../media/of-node.js';
import type { Runtime } from '../runtime.js';
import { webSocket } from '../socket/node.js';

/** Node.js, and the runtimes that follow it. */
export const runtime: Runtime = {
  wasm: () => readFile(new URL('../henge_wasm_bg.wasm', import.meta.url)),
  advice: "put henge_wasm_bg.wasm beside henge's JavaScript, hand it in: connect(url, { wasm }), or import 'henge/inline'",
  webSocket,
  medium,
};
