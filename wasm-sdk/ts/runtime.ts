import type { WebSocketClass } from './types.js';

/** The module that wasm-bindgen has made: the engine. */
export type Glue = typeof import('./henge_wasm.js');

/** What differs between the places where JavaScript runs. */
export interface Runtime {
  /** Finds and compiles the engine; called once. */
  load(): Promise<Glue>;
  /** The class to open sockets with; `undefined` if there is none. */
  webSocket(): Promise<WebSocketClass | undefined>;
}
