/** The same as the main entry, with the engine inside the JavaScript: for bundlers that copy no other files. */
import { medium } from '#media';
import { webSocket } from '#socket';
import { entryPoints } from './entry-points.js';
import base64 from './henge_wasm_base64.js';

export const { connect, open, partitionOf } = entryPoints({
  wasm: async () => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)),
  advice: "where wasm must not be compiled at run time (Cloudflare Workers, some content security policies) import 'henge'",
  webSocket,
  medium,
});
export * from './public.js';
