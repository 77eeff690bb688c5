import type { PickMedium } from './media/pick.js';
import type { WebSocketClass } from './types.js';

/** The JavaScript that wasm-bindgen has made around the engine. */
export type Glue = typeof import('./henge_wasm.js');

/** The engine's module, as bytes or compiled. */
export type Wasm = BufferSource | WebAssembly.Module;

/** What differs between the places where JavaScript runs. */
export interface Runtime {
  /** Finds the engine's module, or says where to fetch it; called until it has worked once. */
  wasm(): Promise<Wasm | URL>;
  /** What to do if the module cannot be had, as the end of a sentence. */
  readonly advice: string;
  /** The class to open sockets with; `undefined` if there is none. */
  webSocket(): Promise<WebSocketClass | undefined>;
  /** Picks the medium of a store. */
  readonly medium: PickMedium;
}
