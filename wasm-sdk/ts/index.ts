/**
 * Client of Henge, a distributed key-value store.
 *
 * @packageDocumentation
 * @example
 * import { connect } from 'henge';
 * await using store = await connect('http://127.0.0.1:7301');
 * await store.put('greeting', 'hello', { w: 2 });
 * console.log(await store.get('greeting', { r: 2 })); // 'hello'
 */
import { runtime } from '#wasm';
import { entryPoints } from './entry-points.js';

const entry = entryPoints(runtime);

/**
 * Connects to a cluster: to the first of `urls` that answers, and to the next when a connection is lost. Resolves when a
 * server has greeted; rejects with `OFFLINE` if none does within `timeoutMs` (5,000 if not given), and with what the
 * server says if it refuses.
 */
export const connect = entry.connect;
/**
 * Opens a store of this device: what is written is kept here until the ring has it, also while there is no connection,
 * and what was read can be read again without one. Resolves when the storage is open, before there is a connection.
 */
export const open = entry.open;
/** The partition of `key` on a ring of `partitions`; to be called after the first `connect` or `open`. */
export const partitionOf = entry.partitionOf;
export * from './public.js';
