/**
 * The same as `henge`, for pages without a bundler: one script with the wasm file beside it, and nothing that has to be
 * looked up. It also exports all types of `henge`.
 *
 * @packageDocumentation
 */
import { entryPoints } from './entry-points.js';
import { runtime } from './entry/browser.js';

const entry = entryPoints({
  ...runtime,
  // It becomes one script, beside the module.
  wasm: async () => new URL('henge_wasm_bg.wasm', import.meta.url),
});

/** Connects to a cluster, as `connect()` of `henge` does. */
export const connect = entry.connect;
/** Opens a store of this device, as `open()` of `henge` does. */
export const open = entry.open;
/** The partition of a key, as `partitionOf()` of `henge` gives it. */
export const partitionOf = entry.partitionOf;
export * from './public.js';
