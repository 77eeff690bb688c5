/** The same as the main entry, with the engine inside the JavaScript: for bundlers that copy no other files. */
import { webSocket } from '#socket';
import { entryPoints } from './connect.js';
import base64 from './henge_wasm_base64.js';

export const { connect, partitionOf } = entryPoints({
  wasm: async () => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)),
  advice: "where wasm must not be compiled at run time (Cloudflare Workers, some content security policies) import 'henge'",
  webSocket,
});
export * from './public.js';
