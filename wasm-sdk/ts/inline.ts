/**
 * The same as `henge`, with the engine inside the JavaScript: for bundlers that copy no other files. It also exports all
 * types of `henge`.
 *
 * @packageDocumentation
 */
import { medium } from '#media';
import { webSocket } from '#socket';
import { entryPoints } from './entry-points.js';
import base64 from './henge_wasm_base64.js';

const entry = entryPoints({
  wasm: async () => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)),
  advice: "where wasm must not be compiled at run time (Cloudflare Workers, some content security policies) import 'henge'",
  webSocket,
  medium,
});

/** Connects to a cluster, as `connect()` of `henge` does. */
export const connect = entry.connect;
/** Opens a store of this device, as `open()` of `henge` does. */
export const open = entry.open;
/** The partition of a key, as `partitionOf()` of `henge` gives it. */
export const partitionOf = entry.partitionOf;
export * from './public.js';
