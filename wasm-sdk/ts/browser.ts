/** The same as the main entry, for pages without a bundler: it becomes one script beside the module. */
import { entryPoints } from './entry-points.js';
import { runtime } from './entry/browser.js';

export const { connect, open, partitionOf } = entryPoints({
  ...runtime,
  wasm: async () => new URL('henge_wasm_bg.wasm', import.meta.url),
});
export * from './public.js';
