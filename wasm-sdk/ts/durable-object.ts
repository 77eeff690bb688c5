/**
 * Keeps a store in a Durable Object of Cloudflare's, or makes an edge node of it, which browsers dial: see `EdgeNode`.
 *
 * @packageDocumentation
 * @example
 * import { open } from 'henge';
 * import { durableObjectChunks } from 'henge/durable-object';
 *
 * export class Cart extends DurableObject {
 *   #store;
 *   constructor(ctx, env) {
 *     super(ctx, env);
 *     ctx.blockConcurrencyWhile(async () => {
 *       this.#store = await open({ urls: env.HENGE, storage: durableObjectChunks(ctx.storage) });
 *     });
 *   }
 * }
 */
export { durableObjectChunks, type DurableObjectStorageLike } from './media/durable-object.js';
export type { ChunkStore } from './media/chunks.js';
export { EdgeNode, type EdgeNodeOptions } from './edge/node.js';
export type { DurableObjectStateLike, ObjectSocket } from './edge/runtime.js';
