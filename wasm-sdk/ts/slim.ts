/** The same as the main entry, without the engine: the caller hands it in, and nothing is looked for. */
import { medium } from '#media';
import { webSocket } from '#socket';
import { entryPoints, type EntryPoints } from './entry-points.js';
import type { Wasm } from './runtime.js';
import type { ConnectOptions, LocalStore, OpenOptions, Store } from './types.js';
import type { Urls } from './urls.js';

/** Options of `connect()` where the engine must be handed in. */
export interface SlimOptions extends ConnectOptions {
  /** `henge/henge_wasm_bg.wasm`, as bytes or compiled. */
  wasm: Wasm;
}

/** Options of `open()` where the engine must be handed in. */
export interface SlimOpenOptions extends OpenOptions {
  /** `henge/henge_wasm_bg.wasm`, as bytes or compiled. */
  wasm: Wasm;
}

const entry = entryPoints({
  wasm: async () => {
    throw new Error('henge/slim brings no wasm');
  },
  advice: 'hand in henge/henge_wasm_bg.wasm as bytes or as a WebAssembly.Module: connect(url, { wasm })',
  webSocket,
  medium,
});

export const connect: (urls: Urls, options: SlimOptions) => Promise<Store> = entry.connect;
export const open: (options: SlimOpenOptions) => Promise<LocalStore> = entry.open;
export const partitionOf: EntryPoints['partitionOf'] = entry.partitionOf;
export * from './public.js';
