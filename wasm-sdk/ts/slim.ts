/**
 * The same as `henge`, without the engine: the caller hands it in, and nothing is looked for. It also exports all types of
 * `henge`.
 *
 * @packageDocumentation
 */
import { medium } from '#media';
import { webSocket } from '#socket';
import { entryPoints } from './entry-points.js';
import type { ConnectOptions, LocalStore, OpenOptions, Store } from './types.js';
import type { Urls } from './urls.js';

/** Options of `connect()` where the engine must be handed in. */
export interface SlimOptions extends ConnectOptions {
  /** `henge/henge_wasm_bg.wasm`, as bytes or compiled. */
  wasm: BufferSource | WebAssembly.Module;
}

/** Options of `open()` where the engine must be handed in. */
export interface SlimOpenOptions extends OpenOptions {
  /** `henge/henge_wasm_bg.wasm`, as bytes or compiled. */
  wasm: BufferSource | WebAssembly.Module;
}

const entry = entryPoints({
  wasm: async () => {
    throw new Error('henge/slim brings no wasm');
  },
  advice: 'hand in henge/henge_wasm_bg.wasm as bytes or as a WebAssembly.Module: connect(url, { wasm })',
  webSocket,
  medium,
});

/** Connects to a cluster, as `connect()` of `henge` does. */
export const connect: (urls: Urls, options: SlimOptions) => Promise<Store> = entry.connect;
/** Opens a store of this device, as `open()` of `henge` does. */
export const open: (options: SlimOpenOptions) => Promise<LocalStore> = entry.open;
/** The partition of a key, as `partitionOf()` of `henge` gives it. */
export const partitionOf = entry.partitionOf;
export * from './public.js';
