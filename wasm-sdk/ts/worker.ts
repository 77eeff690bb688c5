/**
 * A script for a dedicated worker: it has the store of all tabs, and its files in OPFS. The page starts it.
 *
 * @packageDocumentation
 * @example
 * import { open } from 'henge';
 * const store = await open({
 *   worker: () => new Worker(new URL('henge/worker', import.meta.url), { type: 'module' }),
 * });
 */
import { EngineModule } from './engine-module.js';
import { medium } from './media/of-worker.js';
import { webSocket } from './socket/global.js';
import { leadInWorker } from './tabs/lead-in-worker.js';

leadInWorker(
  new EngineModule({
    wasm: async () => {
      throw new Error('the page hands it in');
    },
    advice: 'the page and its worker must be of the same version of henge',
    webSocket,
    medium,
  }),
);
